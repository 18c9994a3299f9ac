//! A clang and its sysroot, and the commands that are made of them.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::options::{BuildOptions, Language};
use crate::{Error, install};

/// Larger loop bodies: each turn of a loop checks whether the call must stop, which costs short
/// bodies more than their work. `bench flags` measures these against others.
const UNROLLING: [&str; 4] = [
    "-mllvm",
    "-force-vector-interleave=4",
    "-mllvm",
    "-unroll-partial-threshold=200",
];

/// Emulations in wasi-libc that programs expect of POSIX: the macro that makes the
/// headers declare them, and the library.
const EMULATIONS: &[(&str, &str)] = &[
    ("-D_WASI_EMULATED_MMAN", "-lwasi-emulated-mman"),
    ("-D_WASI_EMULATED_SIGNAL", "-lwasi-emulated-signal"),
    (
        "-D_WASI_EMULATED_PROCESS_CLOCKS",
        "-lwasi-emulated-process-clocks",
    ),
    ("-D_WASI_EMULATED_GETPID", "-lwasi-emulated-getpid"),
];

/// What the server looks for; a program need not have all of it.
const EXPORTS_IF_DEFINED: &[&str] = &[
    "__main_void",
    "__wasm_call_ctors",
    "__wasm_call_dtors",
    "_faasm_zygote",
    "_Z13_faasm_zygotev",
];

/// What every module has: the server puts outputs of awaited calls into memory that
/// it gets here.
const EXPORTS: &[&str] = &["malloc", "free"];

/// Variables through which clang would see headers, libraries or options of the host.
const HOST_VARIABLES: &[&str] = &[
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "CCC_OVERRIDE_OPTIONS",
    "DEPENDENCIES_OUTPUT",
    "SUNPRO_DEPENDENCIES",
];

/// A clang that compiles to WebAssembly, with the sysroot it uses.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub(crate) clang: PathBuf,
    pub(crate) version: String,
    pub(crate) target: &'static str,
    pub(crate) sysroot: Sysroot,
    /// Where the SDK is unpacked; `None` for a temporary directory.
    pub(crate) cache: Option<PathBuf>,
}

/// Where headers and libraries are.
#[derive(Clone, Debug)]
pub(crate) enum Sysroot {
    /// A tree for WASI alone, laid out as clang expects.
    Own(PathBuf),
    /// Debian's: directories among the host's own. Clang must not be told their root,
    /// for it would fall back on the host's headers where WASI has none.
    Shared {
        headers: PathBuf,
        /// Of C++; they go before those of C.
        cxx_headers: Vec<PathBuf>,
        libraries: Vec<PathBuf>,
    },
}

/// What `faasm doctor` tells about a toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The compiler.
    pub clang: PathBuf,
    /// The first line of `clang --version`.
    pub version: String,
    /// The target triple it is given.
    pub target: &'static str,
    /// Where the C library is.
    pub sysroot: PathBuf,
    /// Whether there is a C++ library too.
    pub cxx: bool,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "clang    {}", self.clang.display())?;
        writeln!(f, "version  {}", self.version)?;
        writeln!(f, "target   {}", self.target)?;
        writeln!(f, "sysroot  {}", self.sysroot.display())?;
        write!(
            f,
            "C++      {}",
            if self.cxx {
                "yes"
            } else {
                "no: its library is missing"
            }
        )
    }
}

impl Toolchain {
    /// What was found, for a person.
    pub fn describe(&self) -> Description {
        let sysroot = match &self.sysroot {
            Sysroot::Own(root) => root,
            Sysroot::Shared { headers, .. } => headers,
        };
        Description {
            clang: self.clang.clone(),
            version: self.version.clone(),
            target: self.target,
            sysroot: sysroot.clone(),
            cxx: self.has_cxx(),
        }
    }

    pub(crate) fn has_cxx(&self) -> bool {
        match &self.sysroot {
            Sysroot::Own(root) => {
                let include = root.join("include");
                let candidates = [include.join(self.target), include];
                candidates.iter().any(|dir| dir.join("c++/v1").is_dir())
            }
            Sysroot::Shared { cxx_headers, .. } => !cxx_headers.is_empty(),
        }
    }

    pub(crate) fn need_cxx(&self, path: &Path) -> Result<(), Error> {
        if self.has_cxx() {
            return Ok(());
        }
        Err(Error::NoCxxLibrary {
            path: path.into(),
            install: install::hint(),
        })
    }

    /// `clang -c source -o object`.
    pub(crate) fn compile(
        &self,
        (source, language): (&Path, Language),
        object: &Path,
        sdk_headers: &Path,
        options: &BuildOptions,
    ) -> Command {
        let mut command = self.command(language);
        self.add_compile_flags(&mut command, language, sdk_headers, options);
        command.arg("-c").arg(operand(source)).arg("-o").arg(object);
        command
    }

    /// What every compilation is told, the options' own flags last.
    pub(crate) fn add_compile_flags(
        &self,
        command: &mut Command,
        language: Language,
        sdk_headers: &Path,
        options: &BuildOptions,
    ) {
        command.args([options.opt_level.flag(), "-msimd128", "-D__faasm"]);
        // Whoever tunes the optimiser does so alone: it refuses to be told twice.
        let is_tuned = options.cflags.iter().any(|flag| flag == "-mllvm");
        if options.opt_level.is_for_speed() && !is_tuned {
            command.args(UNROLLING);
        }
        command.args(EMULATIONS.iter().map(|(define, _)| define));
        if options.debug {
            command.arg("-g");
        }
        for dir in &options.include_dirs {
            command.arg("-I").arg(dir);
        }
        command.arg("-isystem").arg(sdk_headers);
        if let Sysroot::Shared {
            headers,
            cxx_headers,
            ..
        } = &self.sysroot
        {
            command.arg("-nostdlibinc");
            if language == Language::Cxx {
                for dir in cxx_headers {
                    command.arg("-isystem").arg(dir);
                }
            }
            // Behind clang's own headers, as the C library's are in any sysroot.
            command.arg("-idirafter").arg(headers);
        }
        if language == Language::Cxx {
            command.arg("-fno-exceptions");
        }
        command.args(options.defines.iter().map(|define| format!("-D{define}")));
        command.args(&options.cflags);
    }

    /// `clang objects -o output`, without `-O`: with it clang runs whatever `wasm-opt`
    /// happens to be on the PATH.
    pub(crate) fn link(
        &self,
        language: Language,
        objects: &[PathBuf],
        output: &Path,
        options: &BuildOptions,
    ) -> Command {
        let mut command = self.command(language);
        if let Sysroot::Shared { libraries, .. } = &self.sysroot {
            for dir in libraries {
                command.arg("-L").arg(dir);
            }
        }
        command.args(["-nostartfiles", "-Wl,--stack-first", "-Wl,--export-table"]);
        // Only functions: an undefined variable stays an error of the linker's.
        command.arg("-Wl,--import-undefined");
        let stack = u64::from(options.stack_size).next_multiple_of(16);
        command.arg(format!("-Wl,-z,stack-size={stack}"));
        command.args(EXPORTS.iter().map(|name| format!("-Wl,--export={name}")));
        command.args(
            EXPORTS_IF_DEFINED
                .iter()
                .map(|name| format!("-Wl,--export-if-defined={name}")),
        );
        if !options.debug {
            command.arg("-Wl,--strip-debug");
        }
        command.args(objects).args(&options.ldflags);
        command.args(EMULATIONS.iter().map(|(_, library)| library));
        // Without it `%Lf` ends the program; it is linked only where printf is.
        command.arg("-lc-printscan-long-double");
        command.arg("-o").arg(output);
        command
    }

    /// `clang`, or `clang++`, for the target.
    pub(crate) fn command(&self, language: Language) -> Command {
        let mut command = Command::new(&self.clang);
        for name in HOST_VARIABLES {
            command.env_remove(name);
        }
        if language == Language::Cxx {
            command.arg("--driver-mode=g++");
        }
        command.arg(format!("--target={}", self.target));
        if let Sysroot::Own(root) = &self.sysroot {
            let mut sysroot = OsString::from("--sysroot=");
            sysroot.push(root);
            command.arg(sysroot);
        }
        command
    }
}

/// A path that clang takes for a path, whatever it starts with.
fn operand(path: &Path) -> PathBuf {
    match path.as_os_str().as_encoded_bytes().first() {
        Some(b'-' | b'@') => Path::new(".").join(path),
        _ => path.to_owned(),
    }
}

/// Runs `command`; its standard error comes back, as `Err` when it failed.
pub(crate) fn run(command: &mut Command) -> Result<Result<String, String>, Error> {
    let program = PathBuf::from(command.get_program());
    let Output { status, stderr, .. } = command.output().map_err(Error::io("run", &program))?;
    let mut said = String::from_utf8_lossy(&stderr).trim_end().to_owned();
    if status.success() {
        return Ok(Ok(said));
    }
    if said.is_empty() {
        said = format!("{} ended with {status} and said nothing", program.display());
    }
    Ok(Err(said))
}
