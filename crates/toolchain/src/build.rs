//! Compiling and linking one program.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use crate::clang::{Toolchain, run};
use crate::host_interface::{is_mpi, provides};
use crate::inspect::{Import, Interface};
use crate::options::{BuildOptions, Language, Unit};
use crate::sdk::Sdk;
use crate::{Error, Undefined};

/// The names that `main` has for the linker, depending on its arguments and on clang.
const MAIN: &[&str] = &["main", "__main_argc_argv", "__main_void", "__original_main"];

/// A module that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Where it is.
    pub output: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// What it wants from the server's module `env`, sorted.
    pub imports: Vec<String>,
    /// Whether it has a zygote, which runs once after the upload.
    pub zygote: bool,
    /// What compiler and linker warned of; empty if nothing.
    pub warnings: String,
}

/// A source and the object it became.
struct Compiled {
    source: PathBuf,
    object: PathBuf,
    warnings: String,
}

impl Toolchain {
    /// Compiles the sources, links them with the SDK, checks the module and puts it in
    /// place. Until then nothing is written outside of a temporary directory; an
    /// existing output is replaced in one step or left as it was.
    pub fn build(&self, options: &BuildOptions) -> Result<Built, Error> {
        let units = options.units()?;
        let is_cxx = units.iter().any(|unit| unit.language == Language::Cxx);
        let language = if is_cxx { Language::Cxx } else { Language::C };
        // What any program gives its files; the process's umask applies.
        self.build_units(&units, language, options, 0o666)
    }

    /// As [`Toolchain::build`], linked as a program of that language, and with the permissions
    /// that the output is to have.
    pub(crate) fn build_units(
        &self,
        units: &[Unit<'_>],
        language: Language,
        options: &BuildOptions,
        mode: u32,
    ) -> Result<Built, Error> {
        check_output(options)?;
        if let Some(unit) = units.iter().find(|unit| unit.language == Language::Cxx) {
            self.need_cxx(unit.path)?;
        }
        let dir =
            tempfile::tempdir().map_err(Error::io("make a directory in", &std::env::temp_dir()))?;
        let compiled = self.compile_all(units, dir.path(), options)?;

        let linked = dir.path().join("linked.wasm");
        let objects: Vec<PathBuf> = compiled.iter().map(|c| c.object.clone()).collect();
        let said = run(&mut self.link(language, &objects, &linked, options))?;
        // The temporary directory means nothing to the reader.
        let prefix = format!("{}/", dir.path().display());
        let said = said.map_err(|said| Error::Link(said.replace(&prefix, "")))?;

        let module = fs::read(&linked).map_err(Error::io("read", &linked))?;
        let interface = Interface::read(&module)?;
        check_imports(&interface, &compiled, options)?;
        put_in_place(&module, &options.output, mode)?;

        let mut warnings: Vec<String> = compiled.into_iter().map(|c| c.warnings).collect();
        warnings.push(said.replace(&prefix, ""));
        warnings.retain(|said| !said.is_empty());
        Ok(Built {
            output: options.output.clone(),
            size: module.len() as u64,
            zygote: interface.exports("_faasm_zygote") || interface.exports("_Z13_faasm_zygotev"),
            imports: env_imports(&interface),
            warnings: warnings.join("\n"),
        })
    }

    /// The user's sources and the SDK's, on as many threads as there are processors.
    fn compile_all(
        &self,
        units: &[Unit<'_>],
        dir: &Path,
        options: &BuildOptions,
    ) -> Result<Vec<Compiled>, Error> {
        let sdk = Sdk::unpack(self.cache.as_deref(), dir)?;
        let mut plain = BuildOptions::new(sdk.sources(options.mpi), "");
        plain.debug = options.debug;
        let sdk_units = plain.units()?;
        let users = units.iter().map(|unit| (*unit, options));
        let jobs: Vec<_> = users
            .chain(sdk_units.iter().map(|unit| (*unit, &plain)))
            .collect();

        let headers = sdk.include_dir();
        let compile = |(index, (unit, options)): (usize, &(Unit<'_>, &BuildOptions))| {
            let object = dir.join(object_name(index, unit.path));
            let source = (unit.path, unit.language);
            let said = run(&mut self.compile(source, &object, &headers, options))?;
            let failed = |diagnostics| Error::Compile {
                path: unit.path.into(),
                diagnostics,
            };
            Ok(Compiled {
                source: unit.path.into(),
                object,
                warnings: said.map_err(failed)?,
            })
        };
        let indexed: Vec<_> = jobs.iter().enumerate().collect();
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let shares = indexed.chunks(indexed.len().div_ceil(processors));
        let compiled: Result<Vec<Vec<Compiled>>, Error> = thread::scope(|scope| {
            let start = |share: &[_]| {
                let share = share.to_vec();
                scope.spawn(move || share.into_iter().map(compile).collect())
            };
            let threads: Vec<_> = shares.map(start).collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        Ok(compiled?.into_iter().flatten().collect())
    }
}

/// Unique among the objects, and telling in the linker's messages.
fn object_name(index: usize, source: &Path) -> String {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let short: String = stem.chars().take(50).collect();
    format!("{index}-{short}.o")
}

/// Refuses an output that could not be put in place, or would destroy a source.
fn check_output(options: &BuildOptions) -> Result<(), Error> {
    let path = &options.output;
    let bad = |reason: &str| {
        Err(Error::BadOutput {
            path: path.clone(),
            reason: reason.into(),
        })
    };
    if path.file_name().is_none() {
        return bad("that names no file");
    }
    let Ok(existing) = fs::metadata(path) else {
        return Ok(());
    };
    if !existing.is_file() {
        return bad("there is something there that is not a file");
    }
    let same = |source: &PathBuf| match (source.canonicalize(), path.canonicalize()) {
        (Ok(source), Ok(output)) => source == output,
        _ => false,
    };
    if options.sources.iter().any(same) {
        return bad("it is one of the sources");
    }
    Ok(())
}

/// Everything imported must be the server's to provide.
fn check_imports(
    interface: &Interface,
    compiled: &[Compiled],
    options: &BuildOptions,
) -> Result<(), Error> {
    if let Some(import) = interface.imports.iter().find(|import| !import.is_function) {
        let reason = format!(
            "it imports `{}` of `{}`, which is no function",
            import.name, import.module
        );
        return Err(Error::BadModule(reason));
    }
    let missing = interface
        .imports
        .iter()
        .filter(|i| !provides(&i.module, &i.name));
    let missing: Vec<&Import> = missing.collect();
    if missing
        .iter()
        .any(|import| import.module == "env" && MAIN.contains(&import.name.as_str()))
    {
        return Err(Error::NoMain);
    }
    if missing.is_empty() {
        let mpi = interface.imports.iter().find(|import| is_mpi(&import.name));
        return match mpi {
            Some(import) if !options.mpi => Err(Error::WithoutMpi(import.name.clone())),
            _ => Ok(()),
        };
    }
    let given = options.ldflags.iter().map(Path::new);
    let given = given.filter(|path| path.extension() == Some("o".as_ref()));
    let objects: Vec<(&Path, Interface)> = compiled
        .iter()
        .map(|c| (c.source.as_path(), c.object.as_path()))
        .chain(given.map(|path| (path, path)))
        .map(|(source, object)| Ok((source, Interface::of_file(object)?)))
        .collect::<Result<_, Error>>()?;
    let undefined = |import: &&Import| {
        let uses = |i: &Import| i.is_function && i.module == import.module && i.name == import.name;
        let users = objects
            .iter()
            .filter(|(_, object)| object.imports.iter().any(uses));
        Undefined {
            symbol: demangled(import),
            used_by: users.map(|(source, _)| source.to_path_buf()).collect(),
        }
    };
    Err(Error::Undefined(missing.iter().map(undefined).collect()))
}

/// The name as it was written; imports of other modules than `env` say which.
fn demangled(import: &Import) -> String {
    // A plain name of C is not to be taken for a mangled type.
    let mangled = import.name.starts_with("_Z").then_some(&import.name);
    let name = mangled
        .and_then(|name| cpp_demangle::Symbol::new(name).ok())
        .and_then(|symbol| symbol.demangle().ok())
        .unwrap_or_else(|| import.name.clone());
    if import.module == "env" {
        name
    } else {
        format!("{}.{name}", import.module)
    }
}

fn env_imports(interface: &Interface) -> Vec<String> {
    let of_env = interface
        .imports
        .iter()
        .filter(|import| import.module == "env");
    let mut names: Vec<String> = of_env.map(|import| import.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Writes beside the output and renames: readers see the old module or the new one.
fn put_in_place(module: &[u8], output: &Path, mode: u32) -> Result<(), Error> {
    let dir = match output.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let permissions = Permissions::from_mode(mode);
        let mut builder = tempfile::Builder::new();
        let mut file = builder
            .prefix(".faasm-build-")
            .permissions(permissions)
            .tempfile_in(dir)?;
        file.write_all(module)?;
        file.persist(output)?;
        Ok(())
    };
    write().map_err(|e| Error::BadOutput {
        path: output.into(),
        reason: e.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::object_name;
    use std::path::Path;

    #[test]
    fn objects_of_sources_with_the_same_name_differ() {
        assert_eq!(object_name(0, Path::new("a/x.c")), "0-x.o");
        assert_eq!(object_name(1, Path::new("b/x.c")), "1-x.o");
        assert!(object_name(0, Path::new(&"x".repeat(250))).len() < 255);
    }
}
