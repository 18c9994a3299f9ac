//! What all servers of a cluster have in common.

use super::scripts;
use crate::redis::error::{Error, Problem};
use crate::redis::request::{Answer, text};
use crate::redis::server::Redis;

impl Redis {
    /// What all servers of the cluster have in common under this name: `value` if this is
    /// the first one to say so, or else what the first one has said.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn agree(&self, name: &str, value: &str) -> Result<String, Error> {
        self.agreed(name, value, 0).await
    }

    /// The same, for as long as there is a [member](super::Members): when there is none, what was
    /// said before does not count. So it is to be asked once more by one who has joined.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn agree_for_now(&self, name: &str, value: &str) -> Result<String, Error> {
        self.agreed(name, value, 1).await
    }

    async fn agreed(&self, name: &str, value: &str, is_for_now: u8) -> Result<String, Error> {
        let link = self.link();
        let call = self.call(&scripts::AGREE, link.prefix().cluster());
        let call = call.arg(name).arg(value).arg(is_for_now);
        match link.script(call.repeatable()).await? {
            Answer::Done(fields) => match fields.first() {
                Some(agreed) => Ok(text(agreed)),
                None => Err(link.blame(Problem::Damaged("what servers agree on".into()))),
            },
            Answer::Refused(_, detail) => Err(link.blame(Problem::Damaged(detail))),
        }
    }
}
