//! One endpoint: the port, who speaks there, then TLS and web where they are spoken.

use super::Selection;
use super::host::{Site, service_name};
use crate::estate::Scheme;
use crate::facts::{Endpoint, Observation, PortState, Protocol, Reason, Tls, Unobserved, Web};
use crate::probe::{Context, services, tls, web};
use crate::scope::Target;

/// A port of a declared host, and how to look at it.
pub(super) struct Door<'a> {
    pub(super) context: &'a Context,
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// What the estate says it speaks; `None` for an undeclared one.
    pub(super) scheme: Option<Scheme>,
    pub(super) paths: &'a [String],
    pub(super) selection: &'a Selection,
}

/// Looks at one port of one address.
pub(super) async fn look(door: &Door<'_>, site: &Site) -> Endpoint {
    let address = site.address.to_string();
    let target = match &site.target {
        Ok(target) => target,
        Err(not_ours) => return unobserved(address, &Unobserved::not_run(Reason::NotOurs, not_ours.to_string())),
    };
    let state = port_state(door, site);
    if let Some(why) = shut(door.port, &state) {
        let mut endpoint = unobserved(address, &why);
        endpoint.port_state = state;
        return endpoint;
    }
    let (protocol, access) = if door.selection.family("services") {
        services::identify(door.context, target, door.host, door.port, door.scheme).await
    } else {
        let why = not_selected("services");
        (why.cast(), why.cast())
    };
    let tls = look_at_tls(door, target, &protocol).await;
    let web = look_at_web(door, target, &protocol).await;
    Endpoint { address, port_state: state, protocol, access, answers: Observation::underived(), tls, web }
}

fn port_state(door: &Door<'_>, site: &Site) -> Observation<PortState> {
    match site.ports.get(&door.port) {
        Some(state) => state.clone(),
        None if door.selection.family("services") => {
            Observation::not_run(Reason::NotOurs, format!("port {} was not looked at on this address", door.port))
        }
        None => not_selected("services").cast(),
    }
}

/// What is known of the port decides about everything that would have to go through it.
fn shut(port: u16, state: &Observation<PortState>) -> Option<Unobserved> {
    match state {
        Observation::Observed { value, .. } if value.answer == "open" => None,
        Observation::Observed { .. } => Some(Unobserved::failed(Reason::Timeout, format!("port {port} is filtered"))),
        Observation::NotRun { reason: Reason::NotSelected, .. } => None,
        other => other.unobserved(),
    }
}

fn not_selected(family: &str) -> Unobserved {
    Unobserved::not_run(Reason::NotSelected, format!("the family {family} was not selected"))
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

async fn look_at_tls(door: &Door<'_>, target: &Target, protocol: &Observation<Protocol>) -> Tls {
    if !door.selection.family("tls") {
        return Tls::unobserved(&not_selected("tls"));
    }
    let speaks = protocol.value().map(|p| p.name.as_str());
    let offers = protocol.value().and_then(|p| p.offers_tls);
    let service = service_name(door.host, door.port);
    if !door.selection.concerns(&service, "service.tls") {
        return Tls::unobserved(&Unobserved::not_run(Reason::NotSelected, "not part of the second look"));
    }
    let doubted = door.selection.doubted_tls(&service, &target.address().to_string());
    let look = async |opening| match &doubted {
        Some((earlier, concerns)) => {
            tls::look_again(door.context, target, door.host, door.port, opening, earlier, concerns).await
        }
        None => tls::look(door.context, target, door.host, door.port, opening).await,
    };
    match (door.scheme, speaks) {
        (Some(Scheme::Https), _) => look(tls::Opening::Direct).await,
        (Some(Scheme::Http), _) => Tls::unobserved(&Unobserved::absent()),
        (_, Some(name)) => match (tls::opening_of(name, door.port), offers) {
            (Some(tls::Opening::Direct), _) => look(tls::Opening::Direct).await,
            (Some(opening), Some(true)) => look(opening).await,
            // Whether it would start TLS was not seen: that it does not is not known.
            (Some(_), None) => {
                let detail = format!("{name} on port {} did not say whether it starts TLS", door.port);
                Tls::unobserved(&Unobserved::failed(Reason::Other, detail))
            }
            (Some(_), Some(false)) | (None, _) => Tls::unobserved(&Unobserved::absent()),
        },
        // Nothing said what it speaks: then whether it speaks TLS is not known either.
        (_, None) => Tls::unobserved(&protocol.unobserved().unwrap_or_else(Unobserved::absent)),
    }
}

async fn look_at_web(door: &Door<'_>, target: &Target, protocol: &Observation<Protocol>) -> Web {
    if !door.selection.family("web") {
        return Web::unobserved(&not_selected("web"));
    }
    let speaks = protocol.value().map(|p| p.name.as_str());
    if !door.selection.concerns(&service_name(door.host, door.port), "service.web") {
        return Web::unobserved(&Unobserved::not_run(Reason::NotSelected, "not part of the second look"));
    }
    let visit =
        async |scheme, paths: &[String]| web::look(door.context, target, door.host, door.port, scheme, paths).await;
    match (door.scheme, speaks) {
        (Some(scheme @ (Scheme::Http | Scheme::Https)), _) => visit(scheme, door.paths).await,
        // An undeclared web server is visited like a declared one, but only at its front page.
        (_, Some("http")) => visit(Scheme::Http, &["/".to_owned()]).await,
        (_, Some(_)) => Web::unobserved(&Unobserved::absent()),
        (_, None) => Web::unobserved(&protocol.unobserved().unwrap_or_else(Unobserved::absent)),
    }
}
