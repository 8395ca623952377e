//! Bodies that cannot be read: each refused by its own code, and nothing of it queued.

use crate::{
    client::{BATCH, ROUTES, good, gzip, post, zstd},
    harness::Stage,
};

/// (case, Content-Encoding, body, status, code).
type Case = (
    &'static str,
    Option<&'static str>,
    Vec<u8>,
    u16,
    &'static str,
);

const MIB: usize = 1024 * 1024;

fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"events":[{{"attributes":{open}{close}}}]}}"#)
}

#[tokio::test]
async fn each_body_that_cannot_be_read_has_its_own_code() {
    let stage = Stage::new().await;
    let text = good(BATCH);
    let packed = gzip(text.as_bytes());
    let squeezed = zstd(text.as_bytes(), 17);
    let zeros = vec![b' '; 64 * MIB];
    // A frame that asks for a window of 128 MiB.
    let wide = zstd(&zeros, 27);
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 80 * 1024 && wide.len() < 80 * 1024);
    let cases: Vec<Case> = vec![
        ("empty", None, vec![], 400, "empty_body"),
        (
            "a gzip of nothing",
            Some("gzip"),
            gzip(b""),
            400,
            "empty_body",
        ),
        (
            "truncated JSON",
            None,
            text.as_bytes()[..40].to_vec(),
            400,
            "malformed_json",
        ),
        (
            "two documents",
            None,
            [text.as_bytes(), b"{}"].concat(),
            400,
            "malformed_json",
        ),
        (
            "a byte order mark",
            None,
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            400,
            "malformed_json",
        ),
        (
            "NaN",
            None,
            text.replace("\"latencyMs\":1", "\"latencyMs\":NaN").into(),
            400,
            "malformed_json",
        ),
        (
            "truncated gzip",
            Some("gzip"),
            packed[..packed.len() - 9].to_vec(),
            400,
            "corrupt_encoding",
        ),
        (
            "gzip and more",
            Some("gzip"),
            [&packed[..], b"more"].concat(),
            400,
            "corrupt_encoding",
        ),
        (
            "gzip that is none",
            Some("gzip"),
            text.clone().into(),
            400,
            "corrupt_encoding",
        ),
        (
            "truncated zstd",
            Some("zstd"),
            squeezed[..squeezed.len() - 5].to_vec(),
            400,
            "corrupt_encoding",
        ),
        (
            "zstd that is none",
            Some("zstd"),
            text.clone().into(),
            400,
            "corrupt_encoding",
        ),
        (
            "a zstd window of 128 MiB",
            Some("zstd"),
            wide,
            400,
            "corrupt_encoding",
        ),
        (
            "a zstd bomb",
            Some("zstd"),
            zstd(&zeros, 20),
            413,
            "body_too_large",
        ),
        ("a gzip bomb", Some("gzip"), bomb, 413, "body_too_large"),
        (
            "over 1 MiB",
            None,
            vec![b' '; MIB + 1],
            413,
            "body_too_large",
        ),
        (
            "not UTF-8",
            None,
            [text.as_bytes(), b"\xff"].concat(),
            400,
            "invalid_utf8",
        ),
        ("40 deep", None, nested(40).into(), 400, "too_deep"),
        (
            "100,000 deep",
            None,
            nested(100_000).into(),
            400,
            "too_deep",
        ),
        (
            "100,000 open",
            None,
            "[".repeat(100_000).into(),
            400,
            "too_deep",
        ),
        (
            "another encoding",
            Some("br"),
            text.clone().into(),
            415,
            "unsupported_encoding",
        ),
        (
            "two encodings",
            Some("gzip, gzip"),
            text.into(),
            415,
            "unsupported_encoding",
        ),
    ];
    for (case, encoding, body, status, code) in cases {
        for route in ROUTES {
            let mut builder = post(route);
            if let Some(encoding) = encoding {
                builder = builder.header("content-encoding", encoding);
            }
            let problem = stage
                .send(builder, body.clone())
                .await
                .refused_on(route, status, code);
            if status == 413 {
                assert!(
                    problem["maxBytes"].is_u64() && problem["hint"].is_string(),
                    "{case}"
                );
            }
        }
        stage.works_and_is_clean().await;
    }
}
