//! What every JSON handler stands on: who calls, the query, the body, paging, answers.

pub mod body;
pub mod caller;
pub mod cursor;
pub mod objects;
pub mod query;
pub mod reply;

pub use body::Body;
pub use caller::Caller;
pub use cursor::{List, PageQuery};
pub use query::Query;
pub use reply::Reply;
pub use wharf_chassis::ApiFault as Fault;
