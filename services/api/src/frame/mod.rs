//! What every JSON handler stands on: who calls, the body, paging, answers.

pub mod body;
pub mod caller;
pub mod cursor;
pub mod reply;

pub use body::Body;
pub use caller::Caller;
pub use cursor::{List, PageQuery};
pub use reply::Reply;
pub use wharf_chassis::ApiFault as Fault;
