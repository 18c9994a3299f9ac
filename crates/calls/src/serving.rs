//! What the other servers of a cluster have this one do.

use bytes::Bytes;
use faasm_calllog::codec;

use crate::calls::Calls;
use crate::gang::{Asked, PartEnded, read};
use crate::handover::HandedOver;

impl Calls {
    /// Does what another server asks for, by its id. Dropping the future ends it.
    ///
    /// # Errors
    /// Why it cannot be done, for people.
    pub async fn answer(&self, from: &str, asked: Bytes) -> Result<Bytes, String> {
        let read = read(&asked).map_err(|error| error.to_string())?;
        drop(asked);
        let answer = match read {
            Asked::Call(handed) => HandedOver::answer(self.take_over(handed).await.as_ref()),
            Asked::Room(user) => codec::encode(&self.0.room_for(&user)),
            Asked::Part(asked) => {
                let ended = self.0.take_part(from, *asked).await;
                ended.map_err(|error| error.to_string())?.encode()
            }
        };
        written(answer)
    }

    /// What a server answers that does not run calls yet: it has no room.
    ///
    /// # Errors
    /// When what was asked cannot be read.
    pub fn decline(asked: &[u8]) -> Result<Bytes, String> {
        written(match read(asked).map_err(|error| error.to_string())? {
            Asked::Call(_) => HandedOver::answer(None),
            Asked::Room(_) => codec::encode(&0_u32),
            Asked::Part(_) => PartEnded::NoRoom.encode(),
        })
    }

    /// Takes a message that another server, by its id, sent by its [`Line`](crate::Line) here. It does not
    /// wait.
    pub fn hear(&self, from: &str, stream: u64, message: &[u8]) {
        self.0.worlds.hear(from, stream, message);
    }

    /// Messages from or to another server may have been lost: worlds that it has a part of are over.
    pub fn lost(&self, worker: &str) {
        self.0.worlds.lost(worker);
    }
}

fn written(answer: Result<Vec<u8>, faasm_calllog::Error>) -> Result<Bytes, String> {
    answer.map(Bytes::from).map_err(|error| error.to_string())
}
