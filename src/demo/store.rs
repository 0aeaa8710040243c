//! A key-value store that answers like Redis, without asking who is there.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::listen;

/// Serves at the address; gives the port.
pub(super) async fn serve(servers: &mut JoinSet<()>, address: IpAddr) -> io::Result<u16> {
    let (port, listeners) = listen::tcp(&[address]).await?;
    for listener in listeners {
        listen::each(servers, listener, talk);
    }
    Ok(port)
}

/// One command a line or in array form (RESP2); only the words of a command matter here.
async fn talk(stream: TcpStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            "PING" => b"+PONG\r\n",
            "INFO" => b"$24\r\nredis_version:7.0.15\r\n\r\n\r\n",
            "QUIT" => return write.write_all(b"+OK\r\n").await,
            // Lengths and counts of the array form.
            "" => continue,
            word if word.starts_with(['*', '$']) => continue,
            _ => b"-ERR unknown command\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}
