//! The tools of a server, page by page and within bounds (S10).

use std::collections::BTreeSet;

use rmcp::model::{PaginatedRequestParams, Tool};
use rmcp::service::{Peer, ServiceError};
use rmcp::{RoleClient, model::ErrorData};

/// The most tools that a server may have.
const MOST_TOOLS: usize = 100_000;
/// The most pages that they may stand on.
const MOST_PAGES: usize = 10_000;
/// The most that they may be together, as JSON, in bytes.
const MOST_BYTES: usize = 64 << 20;

/// Why the tools of a server were not had.
#[derive(Debug)]
pub(crate) enum ListError {
    /// It answered with an error.
    Refused(ErrorData),
    /// There are more than are read.
    TooLarge(String),
    /// Its pages have no end.
    Circle,
    /// Something else.
    Service(ServiceError),
}

/// All tools, in the order they are listed; none where the server says that it has none.
pub(crate) async fn tools(peer: &Peer<RoleClient>) -> Result<Vec<Tool>, ListError> {
    if peer.peer_info().is_some_and(|info| info.capabilities.tools.is_none()) {
        return Ok(Vec::new());
    }
    let (mut tools, mut cursors, mut cursor, mut bytes) = (Vec::new(), BTreeSet::new(), None, 0);
    for _ in 0..MOST_PAGES {
        let params = PaginatedRequestParams::default().with_cursor(cursor.take());
        let page = peer.list_tools(Some(params)).await.map_err(|error| match error {
            ServiceError::McpError(data) => ListError::Refused(data),
            other => ListError::Service(other),
        })?;
        bytes += page.tools.iter().map(size).sum::<usize>();
        tools.extend(page.tools);
        if tools.len() > MOST_TOOLS {
            return Err(ListError::TooLarge(format!("it lists more than {MOST_TOOLS} tools")));
        }
        if bytes > MOST_BYTES {
            return Err(ListError::TooLarge(format!("its tools are larger than {} MiB together", MOST_BYTES >> 20)));
        }
        match page.next_cursor {
            None => return Ok(tools),
            Some(next) if !cursors.insert(next.clone()) => return Err(ListError::Circle),
            next => cursor = next,
        }
    }
    Err(ListError::TooLarge(format!("its tools stand on more than {MOST_PAGES} pages")))
}

fn size(tool: &Tool) -> usize {
    // What cannot be written is not counted; it was read.
    serde_json::to_vec(tool).map_or(0, |json| json.len())
}
