//! One endpoint: the port, who speaks there, then TLS and web where they are spoken.

use super::Selection;
use super::host::Site;
use crate::estate::Scheme;
use crate::facts::{Endpoint, Observation, Protocol, Reason, Tls, Unobserved, Web};
use crate::probe::{Context, services, tls, web};
use crate::scope::Target;

/// Looks at one port of one address.
pub(super) async fn look(
    context: &Context,
    site: &Site,
    host: &str,
    port: u16,
    scheme: Option<Scheme>,
    paths: &[String],
    selection: &Selection,
) -> Endpoint {
    let address = site.address.to_string();
    let target = match &site.target {
        Ok(target) => target,
        Err(not_ours) => return unobserved(address, &Unobserved::not_run(Reason::NotOurs, not_ours.to_string())),
    };
    let state = match site.ports.get(&port) {
        Some(state) => state.clone(),
        None if selection.family("services") => {
            Observation::not_run(Reason::NotOurs, format!("port {port} was not looked at on this address"))
        }
        None => Observation::not_run(Reason::NotSelected, "the family services was not selected"),
    };
    // What is known of the port decides about everything that would have to go through it.
    let shut = match &state {
        Observation::Observed { value, .. } if value.answer == "open" => None,
        Observation::Observed { .. } => Some(Unobserved::failed(Reason::Timeout, format!("port {port} is filtered"))),
        Observation::NotRun { reason: Reason::NotSelected, .. } => None,
        other => other.unobserved(),
    };
    if let Some(why) = shut {
        let mut endpoint = unobserved(address, &why);
        endpoint.port_state = state;
        return endpoint;
    }
    let (protocol, access) = if selection.family("services") {
        services::identify(context, target, host, port).await
    } else {
        let why = Unobserved::not_run(Reason::NotSelected, "the family services was not selected");
        (why.cast(), why.cast())
    };
    let tls = look_at_tls(context, target, host, port, scheme, &protocol, selection).await;
    let web = look_at_web(context, target, host, port, scheme, &protocol, paths, selection).await;
    Endpoint { address, port_state: state, protocol, access, answers: Observation::underived(), tls, web }
}

/// An endpoint of which nothing is known.
pub(super) fn unobserved(address: String, why: &Unobserved) -> Endpoint {
    Endpoint {
        address,
        port_state: why.cast(),
        protocol: why.cast(),
        access: why.cast(),
        answers: Observation::underived(),
        tls: Tls::unobserved(why),
        web: Web::unobserved(why),
    }
}

async fn look_at_tls(
    context: &Context,
    target: &Target,
    host: &str,
    port: u16,
    scheme: Option<Scheme>,
    protocol: &Observation<Protocol>,
    selection: &Selection,
) -> Tls {
    if !selection.family("tls") {
        return Tls::unobserved(&Unobserved::not_run(Reason::NotSelected, "the family tls was not selected"));
    }
    let speaks = protocol.value().map(|p| p.name.as_str());
    match (scheme, speaks) {
        (Some(Scheme::Https), _) | (_, Some("tls")) => tls::look(context, target, host, port).await,
        (Some(Scheme::Http), _) | (_, Some(_)) => Tls::unobserved(&Unobserved::absent()),
        // Nothing said what it speaks: then whether it speaks TLS is not known either.
        (_, None) => Tls::unobserved(&protocol.unobserved().unwrap_or_else(Unobserved::absent)),
    }
}

async fn look_at_web(
    context: &Context,
    target: &Target,
    host: &str,
    port: u16,
    scheme: Option<Scheme>,
    protocol: &Observation<Protocol>,
    paths: &[String],
    selection: &Selection,
) -> Web {
    if !selection.family("web") {
        return Web::unobserved(&Unobserved::not_run(Reason::NotSelected, "the family web was not selected"));
    }
    let speaks = protocol.value().map(|p| p.name.as_str());
    match (scheme, speaks) {
        (Some(scheme @ (Scheme::Http | Scheme::Https)), _) => {
            web::look(context, target, host, port, scheme, paths).await
        }
        // An undeclared web server is visited like a declared one, but only at its front page.
        (_, Some("http")) => web::look(context, target, host, port, Scheme::Http, &["/".to_owned()]).await,
        (_, Some(_)) => Web::unobserved(&Unobserved::absent()),
        (_, None) => Web::unobserved(&protocol.unobserved().unwrap_or_else(Unobserved::absent)),
    }
}
