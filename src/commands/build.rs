//! `faasm build`

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use faasm_toolchain::{BuildOptions, Built, OptLevel, Toolchain};
use serde_json::json;

use crate::cli::Context;
use crate::exit::Usage;
use crate::units::{parse_size, show_size};

const EXAMPLES: &str = "\
Examples:
  faasm build hello.c -o hello.wasm
  faasm build main.cpp shapes.cpp -I include -D LIMIT=10 -o shapes.wasm
  faasm build hello.c -o hello.wasm --debug -O0
  faasm build --mpi pi.c -o pi.wasm";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Uses the WASI SDK at WASI_SDK_PATH, else the newest clang of this machine that can
compile to WebAssembly. The headers of faasm's SDK are on the include path:
#include <faasm/faasm.h>")]
pub struct Args {
    /// C (.c) and C++ (.cc, .cpp, .cxx, .C) files
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<PathBuf>,

    /// Where the module goes
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Look for headers here
    #[arg(short = 'I', value_name = "DIR")]
    include_dirs: Vec<PathBuf>,

    /// Define a macro
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    defines: Vec<String>,

    /// How much to optimise
    #[arg(short = 'O', value_enum, default_value = "3", value_name = "LEVEL")]
    opt_level: Level,

    /// Allow MPI: #include <mpi.h>
    #[arg(long)]
    mpi: bool,

    /// Keep debug information
    #[arg(long)]
    debug: bool,

    /// Size of the stack
    #[arg(long, value_parser = parse_size, default_value = "4MiB", value_name = "SIZE")]
    stack_size: u64,

    /// A further argument for clang when it compiles
    #[arg(long = "cflag", value_name = "FLAG", allow_hyphen_values = true)]
    cflags: Vec<String>,

    /// A further argument for clang when it links
    #[arg(long = "ldflag", value_name = "FLAG", allow_hyphen_values = true)]
    ldflags: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    #[value(name = "0")]
    O0,
    #[value(name = "1")]
    O1,
    #[value(name = "2")]
    O2,
    #[value(name = "3")]
    O3,
    #[value(name = "s")]
    Os,
    #[value(name = "z")]
    Oz,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut options = BuildOptions::new(self.sources, self.output);
        options.include_dirs = self.include_dirs;
        options.defines = self.defines;
        options.cflags = self.cflags;
        options.ldflags = self.ldflags;
        options.opt_level = self.opt_level.into();
        options.debug = self.debug;
        options.mpi = self.mpi;
        options.stack_size = u32::try_from(self.stack_size)
            .map_err(|_| Usage("--stack-size must be less than 4 GiB".into()))?;
        let built = build(context, &options)?;
        let json = json!({
            "output": built.output,
            "size": built.size,
            "imports": built.imports,
            "zygote": built.zygote,
        });
        context.out.answer(&json, built.output.display())?;
        let stem = built
            .output
            .file_stem()
            .map(Path::new)
            .unwrap_or(Path::new("FUNC"));
        context.out.next(format_args!(
            "faasm func put demo {} {}",
            stem.display(),
            built.output.display()
        ));
        Ok(())
    }
}

impl From<Level> for OptLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::O0 => Self::O0,
            Level::O1 => Self::O1,
            Level::O2 => Self::O2,
            Level::O3 => Self::O3,
            Level::Os => Self::Os,
            Level::Oz => Self::Oz,
        }
    }
}

/// Builds, and passes on the compiler's warnings.
pub fn build(context: &Context, options: &BuildOptions) -> anyhow::Result<Built> {
    let toolchain = Toolchain::find()?;
    context.out.detail(toolchain.describe());
    let built = toolchain.build(options)?;
    if !built.warnings.is_empty() {
        context.out.note(&built.warnings);
    }
    let (output, size) = (built.output.display(), show_size(built.size));
    context.out.note(format_args!("built {output} ({size})"));
    Ok(built)
}
