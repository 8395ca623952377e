//! Does a server answer? Each is asked one question in its own protocol, so that no driver is needed to start one.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// 127.0.0.1 and a port.
#[must_use]
pub fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A connection that nobody waits on for long.
pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("no connection to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// RabbitMQ: a greeting is answered by `connection.start`.
///
/// # Errors
/// Otherwise.
pub fn amqp(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(b"AMQP\x00\x00\x09\x01")?;
    let mut head = [0; 11];
    stream.read_exact(&mut head).context("no AMQP greeting")?;
    // A method frame on channel 0; class 10, method 10.
    let start = head[..3] == [1, 0, 0] && head[7..] == [0, 10, 0, 10];
    ensure!(start, "{address} greets like no AMQP server: {head:?}");
    Ok(())
}

/// A `GET` as RabbitMQ's first user; the body.
///
/// # Errors
/// When the status is not 200.
pub fn http(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = connect(address)?;
    // guest:guest
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nhost: localhost\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1);
    ensure!(status == Some("200"), "GET {path}: {head}");
    Ok(body.to_owned())
}

/// MongoDB's wire protocol: `hello` is answered with `ok`.
///
/// # Errors
/// Otherwise.
pub fn mongodb(address: SocketAddr) -> anyhow::Result<()> {
    // {hello: 1, $db: "admin"} as BSON, in one section of an OP_MSG.
    let mut document = vec![0; 4];
    document.extend_from_slice(b"\x10hello\x00\x01\x00\x00\x00");
    document.extend_from_slice(b"\x02$db\x00\x06\x00\x00\x00admin\x00\x00");
    let length = document.len() as u32;
    document[..4].copy_from_slice(&length.to_le_bytes());
    let mut message = Vec::new();
    for word in [length + 21, 1, 0, 2013, 0] {
        message.extend_from_slice(&word.to_le_bytes());
    }
    message.push(0);
    message.extend_from_slice(&document);
    let mut stream = connect(address)?;
    stream.write_all(&message)?;
    let mut length = [0; 4];
    stream
        .read_exact(&mut length)
        .context("no answer to hello")?;
    let length = u32::from_le_bytes(length);
    ensure!(
        (21..65_536).contains(&length),
        "hello is answered with {length} bytes"
    );
    let mut answer = vec![0; length as usize - 4];
    stream.read_exact(&mut answer)?;
    let ok = b"\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f";
    ensure!(
        answer.windows(ok.len()).any(|part| part == ok),
        "hello is not answered with ok: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}

/// PostgreSQL, for a role that needs no password: runs `sql` and returns the rows, each value as text.
///
/// # Errors
/// With the server's message.
pub fn postgres(
    address: SocketAddr,
    role: &str,
    database: &str,
    sql: &str,
) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let mut stream = connect(address)?;
    // Creating an extension may take seconds.
    stream.set_read_timeout(Some(PATIENCE * 3))?;
    let mut start = 196_608_u32.to_be_bytes().to_vec();
    for text in ["user", role, "database", database] {
        start.extend_from_slice(text.as_bytes());
        start.push(0);
    }
    start.push(0);
    stream.write_all(&(start.len() as u32 + 4).to_be_bytes())?;
    stream.write_all(&start)?;
    until_ready(&mut stream)?;
    stream.write_all(b"Q")?;
    stream.write_all(&(sql.len() as u32 + 5).to_be_bytes())?;
    stream.write_all(sql.as_bytes())?;
    stream.write_all(&[0])?;
    until_ready(&mut stream).with_context(|| format!("`{sql}`"))
}

/// Reads messages until the server waits for a command; the rows among them.
fn until_ready(stream: &mut TcpStream) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let (mut rows, mut failure) = (Vec::new(), None);
    loop {
        let mut head = [0; 5];
        if let Err(error) = stream.read_exact(&mut head) {
            return Err(failure.unwrap_or_else(|| anyhow::Error::new(error)))
                .context("PostgreSQL closed the connection");
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        ensure!((4..1 << 24).contains(&length), "no message of PostgreSQL");
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body)?;
        match head[0] {
            b'Z' => return failure.map_or(Ok(rows), Err),
            b'R' if body != [0, 0, 0, 0] => bail!("PostgreSQL asks for a password"),
            b'E' => {
                let text = String::from_utf8_lossy(&body);
                let message = text.split('\0').find_map(|field| field.strip_prefix('M'));
                failure = Some(anyhow::anyhow!("PostgreSQL: {}", message.unwrap_or(&text)));
            }
            b'D' => rows.push(row(&body).context("a row of PostgreSQL")?),
            _ => {}
        }
    }
}

fn row(mut body: &[u8]) -> Option<Vec<Option<String>>> {
    let mut take = |count: usize| -> Option<&[u8]> {
        let (taken, rest) = body.split_at_checked(count)?;
        body = rest;
        Some(taken)
    };
    let columns = u16::from_be_bytes(take(2)?.try_into().ok()?);
    (0..columns)
        .map(|_| {
            let length = i32::from_be_bytes(take(4)?.try_into().ok()?);
            let Ok(length) = usize::try_from(length) else {
                return Some(None);
            };
            Some(Some(String::from_utf8_lossy(take(length)?).into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_with_its_nulls() {
        let body = [0, 2, 0, 0, 0, 2, b'4', b'2', 255, 255, 255, 255];
        assert_eq!(row(&body), Some(vec![Some("42".to_owned()), None]));
        assert_eq!(row(&body[..7]), None, "cut off");
    }
}
