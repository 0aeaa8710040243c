//! DMARC aggregate reports that others would have sent about the lab's zones.

use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;

/// One sound sender for good.example; for unsigned.example also one that nobody vouches for.
pub(crate) fn write(lab: &Namespace, now: OffsetDateTime) {
    let own = row("45.10.2.25", 40, "pass");
    lab.write("reports/good.xml", &report("good.example", now, &own));
    lab.write("reports/unsigned.xml", &report("unsigned.example", now, &(own + &row("45.12.1.80", 7, "fail"))));
}

fn report(domain: &str, now: OffsetDateTime, rows: &str) -> String {
    let (from, until) = ((now - Duration::days(9)).unix_timestamp(), (now - Duration::days(2)).unix_timestamp());
    format!(
        "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>Lab Mail</org_name><report_id>{domain}</report_id>\
         <date_range><begin>{from}</begin><end>{until}</end></date_range></report_metadata>\
         <policy_published><domain>{domain}</domain><p>none</p></policy_published>{rows}</feedback>"
    )
}

fn row(address: &str, count: u32, outcome: &str) -> String {
    format!(
        "<record><row><source_ip>{address}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition>\
         <dkim>{outcome}</dkim><spf>{outcome}</spf></policy_evaluated></row><auth_results><spf><domain>lists.example</domain>\
         <result>pass</result></spf></auth_results></record>"
    )
}
