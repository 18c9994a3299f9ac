//! The interpreter, initialised.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use faasm_model::{ContentHash, FunctionName, Invocation, Target};
use faasm_storage::ArtifactKind;
use faasm_vfs::{Archive, Lower, Mount};
use rustix::fs::FlockOperation;
use wasmtime::{Module, ModuleExport};

use super::{Python, source};
use crate::faaslets::Shared;
use crate::image::{self, Bare, Image, Origin, Spaces};
use crate::loaded::Loaded;
use crate::modules::{NOT_READ_BACK, Unavailable, blocking, internal, refused, to_bytes};
use crate::refusal::Refusal;
use crate::warm::{self, Keeping};

/// What imports an uploaded file.
const LOAD: &str = "faasm_python_load";

/// What compiles an uploaded file that every call is to import.
const CHECK: &str = "faasm_python_check";

/// Where a guest finds what was uploaded.
const FUNCTION_PATH: &str = "function";

/// An interpreter that files can be imported in.
pub(crate) struct Base {
    /// The interpreter with its image.
    loaded: Arc<Loaded>,
    pub(super) image: Arc<Image>,
    pub(super) spaces: Spaces,
    pub(super) load: ModuleExport,
    pub(super) check: ModuleExport,
    library: Library,
    /// What the interpreter can change beside its memory; `None` if that is more than globals.
    variables: Option<Arc<[ModuleExport]>>,
}

/// The standard library and where guests find it.
struct Library {
    path: String,
    tree: Arc<Archive>,
}

/// The runtime's files, read.
struct Read {
    hash: ContentHash,
    /// What the base image is called.
    image: ContentHash,
    bare: Bare,
    keeps_tables: bool,
    library: Library,
    /// Held while something is made of them: one process at a time.
    lock: Option<File>,
}

impl Base {
    /// Takes the interpreter from the cache, or compiles and initialises it, which takes a while.
    pub(super) async fn open(python: &Python, shared: &Arc<Shared>) -> Result<Self, Unavailable> {
        let begun = std::time::Instant::now();
        let (runtime, engine) = (python.runtime.clone(), python.disk.engine.clone());
        let read = blocking(move || {
            let code = std::fs::read(&runtime.wasm).map_err(unreadable(&runtime.wasm))?;
            let mut library = File::open(&runtime.library).map_err(unreadable(&runtime.library))?;
            // What is in the image comes from both.
            let mut whole = blake3::Hasher::new();
            whole.update(&code);
            std::io::copy(&mut library, &mut whole).map_err(unreadable(&runtime.library))?;
            Ok::<_, Unavailable>(Read {
                hash: ContentHash::from_bytes(*blake3::hash(&code).as_bytes()),
                image: ContentHash::from_bytes(*whole.finalize().as_bytes()),
                bare: image::bare(&engine, &code).map_err(refused)?,
                keeps_tables: image::keeps_tables(&code).map_err(refused)?,
                library: Library {
                    tree: Arc::new(source::library(library).map_err(internal)?),
                    path: runtime.library_path,
                },
                lock: lock(&runtime.cache),
            })
        });
        let Read {
            hash,
            image: id,
            bare,
            keeps_tables,
            library,
            lock,
        } = read.await??;
        let (bare, loaded) = python.disk.bare(hash, bare).await?;
        let image = match open_image(python, loaded.module(), (hash, id)).await? {
            Some(image) => image,
            None => {
                let tree = library.under(Arc::clone(&shared.shared_files), None)?;
                let initialised = initialise(shared, loaded.clone().with_tree(tree), &bare);
                let disk = &python.disk;
                disk.keep(hash, ArtifactKind::Image(id), initialised.await?)
                    .await?;
                let image = open_image(python, loaded.module(), (hash, id)).await?;
                image.ok_or_else(|| internal(NOT_READ_BACK))?
            }
        };
        drop(lock);
        let image = Arc::new(image);
        tracing::info!(
            ms = begun.elapsed().as_millis(),
            bytes = image.bytes(),
            "the Python runtime is ready"
        );
        let export = |name| {
            let export = loaded.module().get_export_index(name);
            export.ok_or_else(|| internal(format_args!("the runtime does not export {name}")))
        };
        Ok(Self {
            load: export(LOAD)?,
            check: export(CHECK)?,
            variables: keeps_tables.then(|| warm::variables(loaded.module())),
            loaded: Arc::new(loaded.with_image(Arc::clone(&image))),
            image,
            spaces: bare.spaces,
            library,
        })
    }

    /// The interpreter with `function` in its tree.
    pub(super) fn with_function(
        &self,
        shared: &Shared,
        name: &FunctionName,
        function: Arc<dyn Lower>,
    ) -> Result<Loaded, Unavailable> {
        let root = Arc::clone(&shared.shared_files);
        let tree = self.library.under(root, Some(function))?;
        let variables = self.variables.as_ref();
        let keeping = variables.map(|globals| Keeping::new(name, &self.loaded, globals));
        let loaded = Loaded::clone(&self.loaded);
        Ok(loaded.with_tree(tree).with_keeping(keeping))
    }
}

impl Library {
    /// The tree of a call: the library, the function, and `root` elsewhere.
    fn under(
        &self,
        root: Arc<dyn Lower>,
        function: Option<Arc<dyn Lower>>,
    ) -> Result<Arc<dyn Lower>, Unavailable> {
        let mount = |root, path: &str, tree| match Mount::new(root, path, tree) {
            Ok(mounted) => Ok(Arc::new(mounted) as Arc<dyn Lower>),
            Err(error) => Err(internal(format_args!("cannot mount /{path}: {error}"))),
        };
        let root = mount(root, &self.path, Arc::clone(&self.tree) as _)?;
        match function {
            Some(function) => mount(root, FUNCTION_PATH, function),
            None => Ok(root),
        }
    }
}

async fn open_image(
    python: &Python,
    module: &Module,
    (hash, id): (ContentHash, ContentHash),
) -> Result<Option<Image>, Unavailable> {
    python.disk.open_image(module, None, hash, id).await
}

/// Runs the interpreter's own initialisation.
async fn initialise(
    shared: &Arc<Shared>,
    loaded: Loaded,
    bare: &Bare,
) -> Result<Vec<u8>, Unavailable> {
    let name = FunctionName::new("python", "runtime").map_err(internal)?;
    let invocation = Invocation {
        target: Target::PYTHON,
        ..Invocation::new(name, "")
    };
    let origin = Origin::Data(&bare.segments);
    let taken = image::take(shared, invocation, &Arc::new(loaded), &bare.spaces, origin).await;
    let taken = taken.map_err(|error| match error {
        // No uploader can do anything about it.
        Unavailable::Refused(refusal) => internal(format_args!("the Python runtime: {refusal}")),
        other => other,
    })?;
    let nothing = || refused(Refusal::Initialiser("it left nothing".to_owned()));
    let (snapshot, _charge) = taken.ok_or_else(nothing)?;
    to_bytes(snapshot).await
}

/// Waits until no other process makes something of the runtime; `None` if it cannot be made
/// known there, which is worth nothing more than time.
fn lock(cache: &Path) -> Option<File> {
    let file = File::create(cache.join("lock")).ok()?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive).ok()?;
    Some(file)
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Unavailable {
    move |error| {
        internal(format_args!(
            "the Python runtime's {}: {error}",
            path.display()
        ))
    }
}
