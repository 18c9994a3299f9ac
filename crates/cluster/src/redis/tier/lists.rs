//! Appended elements, and which keys and users there are.

use bytes::Bytes;
use faasm_model::{Key, Name, StateKey};
use faasm_state::tier::{
    ELEMENT_OVERHEAD_BYTES, Error, ListedKey, MAX_LISTED, MAX_PATCH_BYTES, Result, Usage, at_most,
};

use super::super::keys::Shard;
use super::super::link::{arrays, only};
use super::super::request::{Request, text};
use super::super::scripts;
use super::{LAST_NUMBER, RedisTier};

/// Most elements in one answer: short ones would keep the server for long.
const PAGE_ELEMENTS: u64 = 8_192;

impl RedisTier {
    pub(super) async fn append_element(&self, key: &StateKey, element: Bytes) -> Result<u64> {
        at_most("the element", element.len() as u64, MAX_PATCH_BYTES)?;
        let call = self.call_on(&scripts::APPEND, key).bytes(element);
        let call = call.arg(ELEMENT_OVERHEAD_BYTES);
        let fields = self.change(call, &key.user).await?;
        self.number("the count of a list", only(&fields))
    }

    pub(super) async fn elements(
        &self,
        key: &StateKey,
        first: u64,
        count: u64,
    ) -> Result<Vec<Bytes>> {
        let count = count.min(PAGE_ELEMENTS);
        let call = self.call_on(&scripts::APPENDED, key).repeatable();
        let call = call.arg(first.min(LAST_NUMBER / 2)).arg(count);
        let call = call.arg(ELEMENT_OVERHEAD_BYTES).arg(MAX_PATCH_BYTES);
        self.run(call, &key.user).await
    }

    pub(super) async fn clear_elements(&self, key: &StateKey) -> Result<()> {
        let call = self.call_on(&scripts::CLEAR, key);
        self.change(call, &key.user).await.map(drop)
    }

    pub(super) async fn usage_of(&self, user: &Name) -> Result<Usage> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.link.prefix().usage(user));
        command.arg(&["bytes", "keys"]);
        let row = self.row(command).await?;
        Ok(Usage {
            bytes: self.count("the usage", row.first())?,
            keys: self.count("the usage", row.get(1))?,
        })
    }

    pub(super) async fn list_keys(
        &self,
        user: &Name,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<ListedKey>> {
        let min = match after {
            Some(after) if after.as_str() >= prefix => format!("({after}"),
            _ => format!("[{prefix}"),
        };
        // No byte of a key is as great as this one.
        let max = Bytes::from([b"[", prefix.as_bytes(), &[0xff]].concat());
        let call = self.call(&scripts::LIST, user, "").repeatable();
        let call = call.arg(min).bytes(max).arg(limit.min(MAX_LISTED));
        let fields = self.run(call, user).await?;
        let listed = fields.chunks_exact(5).filter_map(|row| {
            let listed = self.listed(row);
            if let Err(error) = &listed {
                tracing::error!(%user, %error, "a record of a value is damaged");
            }
            listed.ok()
        });
        Ok(listed.collect())
    }

    /// A number that is 0 when it is not there.
    fn count(&self, what: &str, field: Option<&Bytes>) -> Result<u64> {
        match field {
            Some(bytes) if !bytes.is_empty() => self.number(what, bytes),
            _ => Ok(0),
        }
    }

    fn listed(&self, row: &[Bytes]) -> Result<ListedKey> {
        let name = text(&row[0]);
        let key = std::str::from_utf8(&row[0])
            .ok()
            .and_then(|name| Key::new(name).ok());
        Ok(ListedKey {
            key: key.ok_or(Error::Corrupted(name))?,
            value: match row[1].is_empty() {
                true => None,
                false => Some(self.meta(&row[1..4])?),
            },
            elements: self.count("a count", row.get(4))?,
        })
    }

    pub(super) async fn list_users(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>> {
        let limit = limit.min(MAX_LISTED);
        let min = after.map_or("-".to_owned(), |after| format!("({after}"));
        let mut pipeline = redis::pipe();
        for shard in Shard::all() {
            let users = pipeline
                .cmd("ZRANGEBYLEX")
                .arg(self.link.prefix().users(shard));
            users.arg(&min).arg("+").arg("LIMIT").arg(0).arg(limit);
        }
        let answer = self.link.ask(&Request::Pipeline(pipeline), 0).await?;
        let shards = arrays(answer).map_err(|problem| self.link.blame(problem))?;
        let names = shards.iter().flatten().filter_map(|name| {
            let name = std::str::from_utf8(name)
                .ok()
                .and_then(|name| Name::new(name).ok());
            if name.is_none() {
                tracing::error!("the name of a user of state is damaged");
            }
            name
        });
        let mut users: Vec<Name> = names.collect();
        users.sort_unstable();
        users.truncate(limit);
        Ok(users)
    }
}
