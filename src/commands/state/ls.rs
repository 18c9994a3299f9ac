//! `faasm state ls`

use faasm_client::{Client, Error, StateEntry};
use faasm_model::Name;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::cli::Context;
use crate::commands::list;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm state ls
  faasm state ls demo --prefix model-";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Only this user's keys
    user: Option<Name>,

    /// Only keys that begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
}

#[derive(Serialize)]
struct Row {
    user: Name,
    #[serde(flatten)]
    entry: StateEntry,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let rows = rows(context.client()?, self.user, self.prefix);
        list::print(&context.out, "keys", rows, line).await
    }
}

fn rows(
    client: Client,
    user: Option<Name>,
    prefix: String,
) -> BoxStream<'static, Result<Row, Error>> {
    let users = match user {
        Some(user) => futures::stream::iter([Ok(user)]).boxed(),
        None => client.list_state_users().boxed(),
    };
    let of_user = move |user: Name| {
        let entries = client.list_state(&user, &prefix);
        entries.map_ok(move |entry| Row {
            user: user.clone(),
            entry,
        })
    };
    users.map_ok(of_user).try_flatten().boxed()
}

fn line(Row { user, entry }: &Row) -> String {
    let name = format!("{user}/{}", entry.key);
    let size = entry.size.map_or("-".to_owned(), show_size);
    let version = entry
        .version
        .map_or("-".to_owned(), |version| version.to_string());
    let elements = match entry.elements {
        0 => String::new(),
        1 => "  1 element".to_owned(),
        many => format!("  {many} elements"),
    };
    format!("{name:<40} {size:>10}  {version:>8}{elements}")
}
