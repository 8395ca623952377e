use serde::Serialize;
use utoipa::ToSchema;

/// RFC 9457 problem details: programs decide by `code`, people read `detail` and `hint`. For the document; what is
/// sent is [`sendry_runtime::http::Problem`].
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank`: the code says what it is.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, `snake_case`.
    pub code: String,
    /// What the client can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Finds the request in our logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The field of an event that is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}
