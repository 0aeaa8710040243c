//! The system's resolvers.

use std::net::SocketAddr;

/// The name servers that this machine is set up to ask, in order, each once.
///
/// # Errors
/// Why they are not known.
pub fn system_resolvers() -> Result<Vec<SocketAddr>, String> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|e| e.to_string())?;
    let mut found: Vec<SocketAddr> = Vec::new();
    for server in config.name_servers() {
        let address = SocketAddr::new(server.ip, 53);
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() { Err("it names no server".into()) } else { Ok(found) }
}
