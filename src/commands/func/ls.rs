//! `faasm func ls`

use faasm_client::{Client, Error, FunctionKind, FunctionRecord};
use faasm_model::Name;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::cli::Context;
use crate::commands::list;
use crate::units::{show_moment, show_size};

const EXAMPLES: &str = "\
Examples:
  faasm func ls
  faasm func ls demo";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Only this user's functions
    user: Option<Name>,
}

impl Args {
    pub async fn run(self, context: &Context, kind: FunctionKind) -> anyhow::Result<()> {
        let functions = functions(context.client()?, kind, self.user);
        list::print(&context.out, "functions", functions, row).await
    }
}

fn functions(
    client: Client,
    kind: FunctionKind,
    user: Option<Name>,
) -> BoxStream<'static, Result<FunctionRecord, Error>> {
    match user {
        Some(user) => client.list_functions(kind, &user).boxed(),
        None => {
            let users = client.list_users(kind);
            users
                .map_ok(move |user| client.list_functions(kind, &user))
                .try_flatten()
                .boxed()
        }
    }
}

fn row(record: &FunctionRecord) -> String {
    let name = format!("{}/{}", record.user, record.function);
    let size = show_size(record.size);
    let uploaded = show_moment(record.uploaded_at_ms);
    format!(
        "{name:<40} {size:>10}  {uploaded}  {:.12}",
        record.hash.to_string()
    )
}
