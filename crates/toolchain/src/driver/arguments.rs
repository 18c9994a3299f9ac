//! What a command line for a C compiler asks for.

use std::path::{Path, PathBuf};

use crate::options::{Language, OptLevel};

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Only to tell something, such as a version.
    Tell,
    /// To anything before a program.
    Compile,
    /// To a program.
    Link,
}

/// A command line, sorted.
#[derive(Debug)]
pub(super) struct Arguments {
    pub step: Step,
    /// All but what means nothing here, in order.
    pub all: Vec<String>,
    /// What to compile, if a program is to be linked.
    pub sources: Vec<PathBuf>,
    /// What compiling is told, without the sources and the output.
    pub compile: Vec<String>,
    /// What linking is told, and what is linked as it is, in order.
    pub link: Vec<String>,
    pub output: Option<PathBuf>,
    /// Whether anything is C++ by its name or by `-x`.
    pub has_cxx: bool,
    pub debug: bool,
    /// `None` if nothing is said or what is said has no name here; it is among the flags.
    pub opt_level: Option<OptLevel>,
}

/// Which of the two steps a flag is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Compile,
    Link,
    Both,
    /// It means nothing to WebAssembly or is given anyway.
    Nothing,
}

/// Flags whose value is the next argument, if it does not follow at once.
const WITH_VALUE: &[(&str, For)] = &[
    ("-D", For::Compile),
    ("-I", For::Compile),
    ("-MF", For::Compile),
    ("-MJ", For::Compile),
    ("-MQ", For::Compile),
    ("-MT", For::Compile),
    ("-U", For::Compile),
    ("-Xassembler", For::Compile),
    ("-Xclang", For::Compile),
    ("-Xpreprocessor", For::Compile),
    ("-idirafter", For::Compile),
    ("-imacros", For::Compile),
    ("-include", For::Compile),
    ("-iquote", For::Compile),
    ("-isystem", For::Compile),
    ("-mllvm", For::Compile),
    ("-x", For::Compile),
    ("--param", For::Compile),
    ("-L", For::Link),
    ("-T", For::Link),
    ("-Xlinker", For::Link),
    ("-e", For::Link),
    ("-l", For::Link),
    ("-u", For::Link),
    ("-z", For::Link),
    ("--sysroot", For::Both),
    ("-B", For::Both),
    ("-isysroot", For::Both),
    ("-target", For::Both),
];

/// Beginnings of flags that are for linking.
const LINKING: &[&str] = &["-L", "-Wl,", "-l", "-nodefaultlibs", "-nostdlib"];

/// Whole flags that are for linking.
const LINKING_EXACTLY: &[&str] = &["-r", "-s", "-shared"];

/// Beginnings of flags that are for both.
const BOTH: &[&str] = &[
    "--target=",
    "-f",
    "-g",
    "-m",
    "-pthread",
    "-save-temps",
    "-v",
];

/// What says something of another machine, or of how programs are linked there.
const MEANINGLESS: &[&str] = &[
    "-m64",
    "-march=",
    "-mcpu=",
    "-mtune=",
    "-no-pie",
    "-pie",
    "-rdynamic",
    "-static",
];

/// Libraries that are not needed: MPI is always there.
const MPI_LIBRARIES: &[&str] = &["-lmpi", "-lmpi++", "-lmpi_cxx", "-lmpich", "-lmpicxx"];

impl Arguments {
    pub(super) fn read(arguments: Vec<String>) -> Self {
        let mut read = Self {
            step: Step::Link,
            all: Vec::new(),
            sources: Vec::new(),
            compile: Vec::new(),
            link: Vec::new(),
            output: None,
            has_cxx: false,
            debug: false,
            opt_level: None,
        };
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            if argument == "-o" {
                let output = rest.next();
                read.all.push(argument);
                read.all.extend(output.clone());
                read.output = output.map(PathBuf::from);
            } else if let Some(output) = argument.strip_prefix("-o") {
                read.output = Some(output.into());
                read.all.push(argument);
            } else if argument == "-" || !argument.starts_with('-') {
                read.input(argument);
            } else {
                let known = WITH_VALUE.iter().find(|(flag, _)| *flag == argument);
                match known {
                    Some((_, step)) => read.flag([Some(argument), rest.next()], *step),
                    None => {
                        let step = step_of(&argument);
                        read.flag([Some(argument), None], step);
                    }
                }
            }
        }
        if read.step == Step::Link && read.sources.is_empty() && !read.has_objects() {
            // `-v` alone, or nothing: clang knows what to say.
            read.step = Step::Tell;
        }
        read.name_dependencies();
        read
    }

    fn has_objects(&self) -> bool {
        let is_file = |argument: &String| !argument.starts_with('-') || argument.starts_with("-l");
        self.link.iter().any(is_file)
    }

    fn input(&mut self, argument: String) {
        self.all.push(argument.clone());
        match Language::of(Path::new(&argument)) {
            Some(language) => {
                self.has_cxx |= language == Language::Cxx;
                self.sources.push(argument.into());
            }
            None => self.link.push(argument),
        }
    }

    /// A flag and, if it has one, its value.
    fn flag(&mut self, argument: [Option<String>; 2], step: For) {
        let words: Vec<String> = argument.into_iter().flatten().collect();
        let Some(flag) = words.first() else { return };
        self.notice(flag, words.get(1));
        if step == For::Nothing {
            return;
        }
        if matches!(step, For::Compile | For::Both) {
            self.compile.extend_from_slice(&words);
        }
        if matches!(step, For::Link | For::Both) {
            self.link.extend_from_slice(&words);
        }
        self.all.extend(words);
    }

    /// What a flag says about all of the command.
    fn notice(&mut self, flag: &str, value: Option<&String>) {
        match flag {
            "-c" | "-S" | "-E" | "-M" | "-MM" | "-fsyntax-only" | "-emit-ast" => {
                self.step = self.step.min_with(Step::Compile);
            }
            "--version" | "--help" | "-###" | "-dumpversion" | "-dumpmachine" => {
                self.step = Step::Tell;
            }
            _ if flag.starts_with("-print-") || flag.starts_with("--print-") => {
                self.step = Step::Tell;
            }
            "-x" => self.has_cxx |= value.is_some_and(|language| language.starts_with("c++")),
            "-g0" => self.debug = false,
            _ if flag.starts_with("-xc++") => self.has_cxx = true,
            _ if flag.starts_with("-g") => self.debug = true,
            _ => {}
        }
        if let Some(level) = flag.strip_prefix("-O") {
            self.opt_level = OptLevel::named(level);
        }
    }

    /// The file of dependencies goes beside the program, and not beside an object that is gone
    /// in the end.
    fn name_dependencies(&mut self) {
        if self.step != Step::Link || !self.compiles_with(&["-MD", "-MMD"]) {
            return;
        }
        let program = self.output.clone().unwrap_or_else(|| "a".into());
        let is_named = self.compiles_with(&["-MF"]);
        if !self.compiles_with(&["-MT", "-MQ"]) {
            let program = program.display().to_string();
            self.compile.extend(["-MQ".into(), program]);
        }
        if !is_named {
            let file = program.with_extension("d").display().to_string();
            self.compile.extend(["-MF".into(), file]);
        }
    }

    fn compiles_with(&self, flags: &[&str]) -> bool {
        self.compile
            .iter()
            .any(|flag| flags.contains(&flag.as_str()))
    }
}

impl Step {
    /// The one that goes less far.
    fn min_with(self, other: Self) -> Self {
        if self == Self::Tell { self } else { other }
    }
}

/// What a flag without a separate value is for.
fn step_of(flag: &str) -> For {
    let begins = |all: &[&str]| all.iter().any(|start| flag.starts_with(start));
    if MPI_LIBRARIES.contains(&flag) || begins(MEANINGLESS) {
        For::Nothing
    } else if LINKING_EXACTLY.contains(&flag) || begins(LINKING) {
        For::Link
    } else if begins(BOTH) {
        For::Both
    } else {
        For::Compile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Arguments {
        Arguments::read(line.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn how_far_to_go_is_told_by_flags_and_by_what_there_is() {
        for (line, step) in [
            ("--version", Step::Tell),
            ("-print-prog-name=ld", Step::Tell),
            ("-v", Step::Tell),
            ("-O2 -lm", Step::Link),
            ("a.c", Step::Link),
            ("-o a a.o b.a", Step::Link),
            ("-c a.c", Step::Compile),
            ("-MM a.c", Step::Compile),
            ("-E -dM -", Step::Compile),
            ("-c a.c --version", Step::Tell),
        ] {
            assert_eq!(read(line).step, step, "{line}");
        }
    }

    #[test]
    fn flags_go_to_the_steps_that_they_are_for() {
        let line =
            "-O2 -g -I inc -DX=1 a.c b.o -Llib -l z -Wl,--x -static -march=native -lmpi -o out";
        let read = read(line);
        assert_eq!(read.compile.join(" "), "-O2 -g -I inc -DX=1");
        assert_eq!(read.link.join(" "), "-g b.o -Llib -l z -Wl,--x");
        assert_eq!(read.sources, [Path::new("a.c")]);
        assert_eq!(read.output.as_deref(), Some(Path::new("out")));
        assert_eq!(
            (read.debug, read.has_cxx, read.opt_level),
            (true, false, Some(OptLevel::O2))
        );
        assert!(!read.all.iter().any(|flag| flag == "-static"));
    }

    #[test]
    fn values_of_flags_are_no_inputs() {
        let read = read("-c -x c++ -MF deps.c -include config.c a.txt -oout.o");
        assert!(read.sources.is_empty() && read.has_cxx);
        assert_eq!(read.output.as_deref(), Some(Path::new("out.o")));
    }

    #[test]
    fn dependencies_of_a_program_go_beside_it() {
        assert!(
            read("-MMD a.c -o out/a.wasm")
                .compile
                .join(" ")
                .ends_with("-MQ out/a.wasm -MF out/a.d")
        );
        assert_eq!(
            read("-MMD -MF x -MT y a.c").compile.join(" "),
            "-MMD -MF x -MT y"
        );
        assert_eq!(read("-MMD -c a.c").compile.join(" "), "-MMD -c");
    }
}
