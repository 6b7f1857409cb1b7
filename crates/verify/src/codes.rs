//! The catalogue: every kind of finding with its explanation and remedy.

crossdock_findings::catalogue! {
    // The format of the file.
    EMPTY_FILE = "empty-file", Error,
        "the file is empty",
        "The kernel recognizes no format: `exec format error`. A build or copy step failed without an error.",
        "Build the program again, and check the step that copies it.";
    MACH_O_PROGRAM = "mach-o-program", Error,
        "the file is a macOS program",
        "Only macOS starts Mach-O programs; a Linux node shows `exec format error`. It was built for the developer's machine.",
        "Build for the target: `crossdock build --platform PLATFORM`, or set GOOS or the Rust target.";
    WINDOWS_PROGRAM = "windows-program", Error,
        "the file is a Windows program",
        "Only Windows starts PE programs; a Linux node shows `exec format error`.",
        "Build for the target: `crossdock build --platform PLATFORM`, or set GOOS or the Rust target.";
    WASM_PROGRAM = "wasm-program", Error,
        "the file is a WebAssembly module",
        "The kernel does not start WebAssembly: `exec format error`, unless the runtime has a shim for it.",
        "Build for the target's processor, or verify it for the platform `wasip1/wasm`.";
    COMPRESSED_FILE = "compressed-file", Error,
        "the file is compressed or an archive",
        "The kernel does not unpack files: `exec format error`. A download was copied without being unpacked.",
        "Unpack the file, and copy the program in it into the image.";
    GO_ARCHIVE = "go-archive", Error,
        "the file is a compiled Go package, not a program",
        "`go build -o FILE` of a package that is not `main` writes an archive of its compiled code; a node shows `exec format error`.",
        "Build the package that has `package main`, e.g. `go build -o app ./cmd/app`, without `-buildmode=archive`.";
    DOWNLOAD_FAILED = "download-failed", Error,
        "the file is an error page in HTML, XML or JSON, not a program",
        "The download failed, and the server's answer was saved as the program; a node shows `exec format error`.",
        "Check the URL, and let a failed download stop the build: `curl -fL`, or the checksum of `ADD --checksum`.";
    GIT_LFS_POINTER = "git-lfs-pointer", Error,
        "the file is a Git LFS pointer",
        "Git LFS left its pointer because the file was not fetched; a node shows `exec format error`.",
        "Run `git lfs pull` before the image is built.";
    TEXT_WITHOUT_INTERPRETER = "text-without-interpreter", Error,
        "the file is text without a `#!` line",
        "Shells run such a file, but the kernel does not: `exec format error`.",
        "Make `#!/bin/sh`, or the interpreter that it needs, the first line.";
    BYTE_ORDER_MARK = "byte-order-mark", Error,
        "the file begins with a byte order mark before `#!`",
        "The kernel requires `#!` in the first two bytes: `exec format error`. An editor on Windows saved the file.",
        "Save it as UTF-8 without a byte order mark.";
    NOT_A_PROGRAM = "not-a-program", Error,
        "the file is not a program that the target can start",
        "The kernel recognizes no format: `exec format error`.",
        "Copy the program that the build produced into the image.";
    OBJECT_FILE = "object-file", Error,
        "the file is an object file, a core dump or another ELF file that cannot start",
        "The kernel starts only the ELF types EXEC and DYN: `exec format error`.",
        "Link it: use the program, not a `.o` file.";
    SHARED_LIBRARY = "shared-library", Error,
        "the file is a shared library, not a program",
        "It has no interpreter and no entry point, so it crashes at once (`exec format error` or a segmentation fault, exit 139). Windows does not \
             start a DLL.",
        "Use the program; in Go, build with `-buildmode=exe` and a `package main`.";
    BAD_PROGRAM_HEADERS = "bad-program-headers", Error,
        "the ELF file's program headers are missing, damaged or outside the file",
        "The kernel does not load it: `exec format error`.",
        "Build or copy the program again; compare its checksum with the build's.";
    TRUNCATED_FILE = "truncated-file", Error,
        "the file ends before its last segment does",
        "It loads and then crashes where bytes are missing: exit 139 (segmentation fault) or 135.",
        "Copy or download it again; compare its size and checksum with the build's.";
    BAD_ENTRY_ADDRESS = "bad-entry-address", Error,
        "the ELF entry address lies outside the program",
        "The kernel jumps to unmapped memory: exit 139 (segmentation fault).",
        "Build the program again; if a tool such as a packer or a signer rewrites it, omit that tool.";
    DAMAGED_PROGRAM = "damaged-program", Error,
        "the ELF file contradicts itself",
        "The kernel or the dynamic loader refuses it, or it crashes.",
        "Build or copy the program again; compare its checksum with the build's.";

    // The machine that the program is for.
    WRONG_MACHINE = "wrong-machine", Error,
        "the program is for another processor",
        "A node of the target shows `exec format error`. Under qemu or Rosetta it may still run, which hides the mistake.",
        "Build for the target: set `--platform`, GOARCH or the Rust target; with COPY --from, check that stage's platform.";
    WRONG_BYTE_ORDER = "wrong-byte-order", Error,
        "the program has the other byte order",
        "The kernel reads a different machine number from the header: `exec format error`.",
        "Build for the right member of the family, such as ppc64le instead of ppc64.";
    WRONG_CLASS = "wrong-class", Error,
        "the program is 32-bit where 64-bit is expected, or the reverse",
        "The kernel does not load it: `exec format error`.",
        "Build for the right member of the family, such as mips64 instead of mips.";
    WRONG_ABI = "wrong-abi", Error,
        "the program uses another calling convention than the target",
        "It does not load (`exec format error`), or its libraries do not fit: they are not found, or calls go wrong.",
        "Build with the target's ABI; for ARM choose between soft and hard float as the image's loader and libraries do.";
    WRONG_SYSTEM = "wrong-system", Error,
        "the program is for another operating system",
        "Linux loads it and finds no loader (`no such file or directory`), or it crashes at its first system call.",
        "Build with the target's GOOS or Rust target.";
    NO_32_BIT_MODE = "no-32-bit-mode", Error,
        "the program is 32-bit and the nodes have no 32-bit mode",
        "A core without that mode (Graviton4 and 5, ThunderX, Apple) shows `exec format error`.",
        "Build for the node's 64-bit architecture.";
    COMPATIBILITY_MODE = "compatibility-mode", Warning,
        "the program is 32-bit and runs in the node's compatibility mode",
        "Nodes run it if the kernel has the mode enabled; its libraries must be 32-bit too.",
        "Build for the node's 64-bit architecture, unless 32-bit is intended.";
    COMPATIBILITY_MODE_UNKNOWN = "compatibility-mode-unknown", Warning, Unproven,
        "the program is 32-bit, and it is unknown whether the nodes have a 32-bit mode",
        "Some cores have none and show `exec format error`.",
        "Name the node type with `--for`, or build for the node's 64-bit architecture.";
    SHALLOW_CHECKS = "shallow-checks", Note,
        "only format and processor were verified",
        "For systems other than Linux crossdock checks the file's format and processor, but not its libraries or signature.",
        "Start the program once on the target system.";
    UNKNOWN_TARGET = "unknown-target", Warning, Unproven,
        "crossdock does not know the format of this platform's programs",
        "Programs of the platform have no rule in crossdock, so nothing was verified.",
        "Verify for a platform that crossdock knows.";

    // The processor level and page size that the program needs.
    LEVEL_TOO_HIGH = "level-too-high", Error,
        "the program was built for a newer processor than the target guarantees",
        "On an older node it stops at once: Go on amd64 prints `This program can only be run on AMD64 processors with v3 \
             microarchitecture support`, other programs crash with exit 132 (illegal instruction).",
        "Build for the target's level, or name nodes that have the level: `--for linux/amd64/v3`.";
    LOADER_LEVEL_TOO_HIGH = "loader-level-too-high", Error,
        "the program tells the dynamic loader to demand a newer processor than the target guarantees",
        "The loader stops with `CPU ISA level is lower than required`, exit 127.",
        "Build without `-march=x86-64-v3` and its like, or name nodes that have the level.";
    LEVEL_RISK = "level-risk", Warning, Unproven,
        "the program has code for a newer processor than the target guarantees, which it may not run there",
        "Linkers record the newest processor of all object files, and a program may choose code by the processor that it runs on. If \
             it does not, an older node kills it with exit 132 (illegal instruction).",
        "Compile every part for the target's level, or start the program once on the oldest of the nodes.";
    LEVEL_RECORDED_WRONG = "level-recorded-wrong", Warning,
        "the build information names a processor level that does not exist",
        "Go accepts a bad GOAMD64 or GOARM silently and builds for the default level, not for the intended one.",
        "Correct the variable: GOAMD64 is v1 to v4, GOARM is 5, 6 or 7.";
    LEVEL_UNKNOWN = "level-unknown", Warning, Unproven,
        "the plan does not state the processor that the program was compiled for",
        "A program compiled for a newer processor crashes with exit 132 (illegal instruction), and its file does not record the processor.",
        "Compile with a stated target-cpu rather than `native`.";
    NODE_LEVEL_UNKNOWN = "node-level-unknown", Warning, Unproven,
        "the program needs a newer processor than the platform guarantees, and the level of the named machine is unknown",
        "On a machine without that level it stops at once: with a message of Go on amd64, with exit 132 (illegal instruction) elsewhere.",
        "State the level of the machines, e.g. `--for linux/amd64/v3`, or build for the platform's baseline.";
    PAGE_SIZE = "page-size", Error,
        "the program's segments are not aligned to the nodes' pages",
        "On nodes with 16 KiB or 64 KiB pages it is not loaded: `ELF load command address/offset not page-aligned`.",
        "Link with `-z max-page-size=65536`.";
    PAGE_SIZE_RISK = "page-size-risk", Warning,
        "the program's segments do not fit every page size that the nodes may have",
        "On nodes with larger pages it is not loaded: `ELF load command address/offset not page-aligned`.",
        "Link with `-z max-page-size=65536`, or name the node type with `--for`.";
    ALLOCATOR_PAGE_SIZE = "allocator-page-size", Warning, Unproven,
        "the program's allocator supports smaller pages than the nodes may have",
        "jemalloc is built for one largest page size, by default that of the build machine. On arm64 nodes with larger pages it stops \
             the program: `<jemalloc>: Unsupported system page size`.",
        "Build with JEMALLOC_SYS_WITH_LG_PAGE=16, or name the node type with `--for`.";
    OLD_NODE_RISK = "old-node-risk", Warning,
        "a library of the image demands x86-64-v2, which the oldest amd64 nodes lack",
        "glibc refuses the library on a processor without SSE4.2, such as QEMU's default one: `CPU ISA level is lower than required`, \
             exit 127. Red Hat's images demand this level since version 9.",
        "Name nodes that have the level with `--for linux/amd64/v2`, or use another base image.";

    // Linkage, the loader and the libraries.
    INTERPRETER_MISSING = "interpreter-missing", Error,
        "the program's dynamic loader is not in the image",
        "The kernel reports `no such file or directory` although the program exists: the loader is missing.",
        "Link statically (CGO_ENABLED=0; a musl target or `+crt-static`), or use a base image with this loader.";
    INTERPRETER_UNCHECKED = "interpreter-unchecked", Warning, Unproven,
        "the program needs a dynamic loader, and no image was given to search for it",
        "Whether it starts depends on the image: without the loader it shows `no such file or directory`.",
        "Verify the image, or link statically.";
    INTERPRETER_MALFORMED = "interpreter-malformed", Error,
        "the name of the program's dynamic loader is damaged",
        "The kernel does not load the program: `exec format error`, or `no such file or directory`.",
        "Build the program again; if a tool such as patchelf rewrites it, check the result.";
    INTERPRETER_NOT_EXECUTABLE = "interpreter-not-executable", Error,
        "the program's dynamic loader is not executable for the configured user",
        "The kernel reports `permission denied`.",
        "Give the loader mode 0755 in the image.";
    INTERPRETER_WRONG = "interpreter-wrong", Error,
        "the program's dynamic loader is empty, damaged or for another machine",
        "The kernel reports `input/output error` or `accessing a corrupted shared library`.",
        "Use a program and a base image of the same platform; check whether a file was copied over the loader.";
    PACKED_PROGRAM = "packed-program", Warning, Unproven,
        "the program is packed, which hides its dynamic loader and its libraries",
        "UPX's stub unpacks the program and loads its dynamic loader. If the image lacks that, the program stops with exit 127, \
             without a message; what it needs is known only to the packed program.",
        "Do not pack the program, or link it statically before.";
    DYNAMIC_NOT_PLANNED = "dynamic-not-planned", Error,
        "the plan asks for a static program and this one needs a dynamic loader",
        "In a base image without the loader a node shows `no such file or directory`. Go's `-buildmode=pie` and Rust's gnu targets make such programs.",
        "For Go set CGO_ENABLED=0 without `-buildmode=pie`; for Rust use a musl target or `-C target-feature=+crt-static`.";
    STATIC_NOT_PLANNED = "static-not-planned", Warning,
        "the plan asks for a dynamic program and this one is static",
        "It starts, but contains copies of what it should load from the image (name resolution, TLS libraries).",
        "Set `linkage = \"static\"` in the configuration, or check the linker flags.";
    LIBRARY_MISSING = "library-missing", Error,
        "a shared library that the program needs is not in the image",
        "The loader stops: `error while loading shared libraries: … cannot open shared object file`, exit 127.",
        "Install the library in the image, or link statically.";
    LIBRARY_WRONG = "library-wrong", Error,
        "a shared library that the program needs is damaged or for another machine",
        "The loader stops: `file too short`, `invalid ELF header`, or the error of a missing library; exit 127.",
        "Use the library for the image's platform; check whether a file was copied over it.";
    LIBRARY_NOT_READABLE = "library-not-readable", Error,
        "a shared library that the program needs is not readable for the configured user",
        "The loader passes over files that it may not read and stops: `error while loading shared libraries: … cannot open shared \
             object file: Permission denied`, exit 127. A umask of 077 or a restrictive source made them private.",
        "Give the library mode 0644 and its directories 0755 (`COPY --chmod=`, or `chmod -R a+rX`).";
    PRELOAD_IGNORED = "preload-ignored", Warning,
        "a library that LD_PRELOAD or /etc/ld.so.preload names is not loaded",
        "The loader goes on without it, so what the library was to do does not happen: another allocator, a hook.",
        "Correct the path, or install the library for the image's platform; a mere name is searched as any library is.";
    SECURE_EXECUTION = "secure-execution", Warning, Unproven,
        "whether the program starts depends on the pod's choice about the file's set-ID bit or capabilities",
        "With the rights of its file a program is loaded in secure-execution mode, in which the loader ignores LD_LIBRARY_PATH, \
             LD_PRELOAD and `$ORIGIN`; `allowPrivilegeEscalation: false` takes the rights and the mode away.",
        "Put the libraries into a default directory, or remove the bit (`chmod u-s,g-s FILE`, `setcap -r FILE`).";
    PROCESSOR_LIBRARY = "processor-library", Warning, Unproven,
        "on some nodes the loader takes other files of a library, with which the program does not start",
        "glibc prefers the files in `glibc-hwcaps/x86-64-v3` and its like on processors that have the level.",
        "Install the library in the same version in all these directories, or remove those below `glibc-hwcaps`.";
    SYMBOL_VERSION_MISSING = "symbol-version-missing", Error,
        "a shared library in the image is older than the program needs",
        "The loader stops: ``version `GLIBC_2.38' not found``, exit 1.",
        "Build against the image's library version or an older one (zig: `-target …-gnu.2.31`), use a newer base \
             image, or link statically.";
    SYMBOL_MISSING = "symbol-missing", Error,
        "no shared library in the image has a symbol that the program needs",
        "The loader stops: `symbol lookup error: …: undefined symbol: …`, or with musl `Error relocating …: symbol not found`, \
         exit 127.",
        "Use the library in the version that the program was built with, and do not mix musl's libraries with glibc's.";
    FUNCTION_MISSING = "function-missing", Warning, Unproven,
        "no shared library in the image has a function that the program may call",
        "The program starts; when it first calls the function, the loader stops it: `symbol lookup error: …: undefined symbol: …`, \
         exit 127.",
        "Use the library in the version that the program was built with.";
    SYMBOLS_UNCHECKED = "symbols-unchecked", Note,
        "the symbols of the program and its libraries were not compared",
        "The table of symbols of one file is damaged, or all together have more symbols than any real program: a symbol that no \
             library has would not be noticed.",
        "Start the image once on each platform, or link statically.";
    LOADER_LIBRARY_PAIR = "loader-library-pair", Error,
        "dynamic loader and C library come from different builds",
        "They share private structures: the program crashes with exit 139, or with an error about GLIBC_PRIVATE.",
        "Use both from one package version; do not copy single libraries between images.";
    LIBRARIES_UNCHECKED = "libraries-unchecked", Warning, Unproven,
        "the program's shared libraries could not be verified",
        "No image was given to search for them, crossdock does not know the rules of the loader, the program has more of them \
             than any real one, or the name of one cannot be read.",
        "Verify the image, or link statically.";

    // The plan's expectations.
    GO_SETTING_MISMATCH = "go-setting-mismatch", Error,
        "Go's build information does not agree with the plan",
        "The program is not the one that the plan describes; a stale output or a different environment was used.",
        "Build again; look for GOFLAGS, `go env -w` settings and stale outputs.";
    GO_PLATFORM_MISMATCH = "go-platform-mismatch", Error,
        "Go's build information names another platform than the target",
        "The program crashes at its first system call, or does not load: `exec format error`.",
        "Build with the target's GOOS and GOARCH.";
    GO_BUILD_INFO_MISSING = "go-build-info-missing", Warning, Unproven,
        "the plan expects a Go program, and the file has no Go build information",
        "Without it the level and settings of the build cannot be compared with the plan (a packer such as UPX removes it).",
        "Do not pack the program, and build it from a module with Go 1.18 or newer.";

    // Scripts.
    SCRIPT_INTERPRETER_MISSING = "script-interpreter-missing", Error,
        "the interpreter in the script's `#!` line is not in the image",
        "The kernel reports `no such file or directory` although the script exists: the interpreter is missing.",
        "Install the interpreter in the image, or correct the `#!` line.";
    SCRIPT_CARRIAGE_RETURN = "script-carriage-return", Error,
        "lines of the script end in carriage returns",
        "The carriage return becomes part of the interpreter's name in the `#!` line (`no such file or directory`) or of the last \
             word of a command (`not found`, `illegal option`). Git or an editor on Windows changed the line endings.",
        "Save the file with Unix line endings; put `*.sh text eol=lf` into .gitattributes.";
    SCRIPT_LINE_BROKEN = "script-line-broken", Error,
        "the script's `#!` line names no interpreter that the kernel can start",
        "The kernel reports `exec format error`: the name is missing or exceeds 256 bytes, or scripts start scripts endlessly.",
        "Name a program by a short absolute path: `#!/bin/sh`.";
    SCRIPT_COMMAND_MISSING = "script-command-missing", Error,
        "the program that the script starts with `env` is not in the image or not on its PATH",
        "env stops: `env: can't execute 'python3': No such file or directory`, exit 127.",
        "Install the program in the image, or extend PATH.";
    SCRIPT_NOT_READABLE = "script-not-readable", Error,
        "the script is not readable for the configured user",
        "The kernel needs only the execute permission, but the interpreter opens the file: `sh: 0: cannot open /app: Permission \
             denied`, exit 2 (dash) or 126 (bash).",
        "Give the script mode 0755 (`COPY --chmod=755`).";
    SCRIPT_MAY_NOT_BE_READABLE = "script-may-not-be-readable", Warning, Unproven,
        "the script is not readable for the configured user, and it is unknown whether its interpreter reads it",
        "The kernel needs only the execute permission; an interpreter that opens the script fails with `Permission denied`.",
        "Give the script mode 0755 (`COPY --chmod=755`).";
    BUSYBOX_APPLET_MISSING = "busybox-applet-missing", Error,
        "the program is a BusyBox or toybox without the applet that its name asks for",
        "BusyBox and toybox choose the applet by the name under which they start, and stop: `nginx: applet not found`, exit 127.",
        "Install the program itself, or a BusyBox or toybox that has the applet.";
    BUSYBOX_OPTION_MISSING = "busybox-option-missing", Error,
        "the script needs an option that the env of BusyBox does not have",
        "`env -S` is an option of GNU env; BusyBox stops: `env: unrecognized option: S`, exit 1.",
        "Name the interpreter itself in the `#!` line, or install GNU env (coreutils).";
    BUSYBOX_UNKNOWN = "busybox-unknown", Warning, Unproven,
        "the program is a BusyBox or toybox, and it is unknown whether it has what is asked of it",
        "Its list of applets was not found, for example because it is packed, or its version is newer than this check.",
        "Start the image once, or use a BusyBox as its project builds it.";
    SCRIPT_UNCHECKED = "script-unchecked", Warning, Unproven,
        "the file is a script, and no image was given to search for its interpreter",
        "Whether it starts depends on the image: without the interpreter it shows `no such file or directory`.",
        "Verify the image.";
    SCRIPT_ENTRY_POINT = "script-entry-point", Note,
        "the program is a script, and the programs that it starts were not verified",
        "Its interpreter exists and starts. Which programs the script calls is only known when it runs.",
        "Name the program itself as the entry point, or start the image once on each platform.";

    // The image's configuration.
    NO_ENTRY_POINT = "no-entry-point", Error,
        "the image names no program to start",
        "The runtime reports `no command specified`, unless the pod names a command itself.",
        "Set `entrypoint` or `cmd`.";
    ENTRY_POINT_MISSING = "entry-point-missing", Error,
        "the program that the image starts is not in the image",
        "The runtime refuses: `exec: \"/app\": stat /app: no such file or directory`, exit 127 (kubelet: StartError 128).",
        "Correct the entry point, or put the program at that path.";
    ENTRY_POINT_COMMAND_LINE = "entry-point-command-line", Error,
        "the entry point is a whole command line in one word",
        "The runtime looks for a file with blanks in its name: `no such file or directory`, exit 127.",
        "Split the words: `[\"/app\", \"--flag\"]`.";
    ENTRY_POINT_NOT_ON_PATH = "entry-point-not-on-path", Error,
        "the program that the image starts is not on the image's PATH",
        "The runtime refuses: `executable file not found in $PATH`, exit 127. The working directory is not searched.",
        "Give the entry point as an absolute path, or extend PATH.";
    ENTRY_POINT_NOT_A_FILE = "entry-point-not-a-file", Error,
        "the program that the image starts is a directory or a device",
        "The runtime refuses: `permission denied` or `is a directory`, exit 126.",
        "Name the program inside it.";
    NOT_EXECUTABLE = "not-executable", Error,
        "the program is not executable for the configured user",
        "The runtime refuses: `permission denied`, exit 126.",
        "Give the file mode 0755 (`chmod +x` before COPY, or `COPY --chmod=755`), or let its owner be the user.";
    SHELL_MISSING = "shell-missing", Error,
        "the image starts its program through a shell that it does not have",
        "The runtime refuses: `exec: \"/bin/sh\": stat /bin/sh: no such file or directory`, exit 127.",
        "Write the entry point in exec form (`ENTRYPOINT [\"/app\"]`), or use a base image with a shell.";
    LAUNCH_COMMAND_MISSING = "launch-command-missing", Error,
        "the program that a launcher or script of the image starts is not in the image",
        "The launcher or script stops: `exec /app failed: No such file or directory`, or `/app: not found`, exit 127.",
        "Put the program into the image at that path, correct the command, or extend PATH.";
    LAUNCH_USER_UNKNOWN = "launch-user-unknown", Error,
        "the user or group that a launcher switches to is not in the image's passwd or group file",
        "The launcher stops before it starts the program: `unable to find user`, or `unknown user`.",
        "Add the name to /etc/passwd or /etc/group, or name the user by its number, where the launcher takes numbers.";
    LAUNCH_REFUSED = "launch-refused", Error,
        "a launcher of the image stops at its arguments",
        "It has no such option, gets no command, may not switch to the user, or does not find the directory.",
        "Correct the launcher's arguments in the entry point, the command or the script.";
    LAUNCH_FILE_MISSING = "launch-file-missing", Error,
        "a file or directory that an interpreter or script of the image needs is not in the image",
        "The interpreter stops: `can't open file '/app.py': No such file or directory`, exit 2 or 1. A shell stops at `.`, and with `set -e` at `cd`.",
        "Put the file into the image at that path, or correct the arguments or the working directory.";
    SCRIPT_BROKEN = "script-broken", Error,
        "the shell stops at an error in the script",
        "The shell reads up to the error and stops: `Syntax error`, `Illegal option`, exit 2.",
        "Correct the line; run `sh -n` on the script with the shell of the image.";
    LAUNCH_HELPER_MISSING = "launch-helper-missing", Warning,
        "the image does not have a command that its script runs before the program",
        "The shell reports `not found` and goes on with the next line.",
        "Install the command, or remove the line; with `set -e` the script would end there.";
    LAUNCH_HELPER_FAILS = "launch-helper-fails", Warning,
        "a command that a script of the image runs before the program does not start",
        "The shell reports the error and goes on with the next line.",
        "Install the command for the image's platform; with `set -e` the script would end there.";
    LAUNCH_MAY_FAIL = "launch-may-fail", Warning, Unproven,
        "a program that the image may start would not start",
        "Whether the program runs, or with which user, PATH or libraries, depends on values that are only known when it runs.",
        "Correct the program as the message says, or start the image once on each platform.";
    LAUNCH_UNKNOWN = "launch-unknown", Warning, Unproven,
        "the program that a launcher or script of the image starts is only known when it runs",
        "What runs in the end was not verified.",
        "Name the program in exec form, e.g. `ENTRYPOINT [\"/app\"]`, verify all programs in PATH with `--all`, or start the image once on each platform.";
    LAUNCH_READS_INPUT = "launch-reads-input", Note,
        "the image starts a shell without commands",
        "The shell reads its commands from the standard input, which is empty unless the container runs with `-i`: it ends at once with status 0. \
             That is usual for base images.",
        "Name the program that the image is for as the entry point, or run the container with `-it`.";
    FILE_CAPABILITIES = "file-capabilities", Error,
        "the program carries file capabilities that a container may not have",
        "The kernel refuses: `operation not permitted`.",
        "Remove them (`setcap -r FILE`), or add the capability in the pod's securityContext.";
    USER_UNKNOWN = "user-unknown", Error,
        "the configured user or group is not in the image's passwd or group file",
        "The runtime refuses: `unable to find user`, exit 125.",
        "Use a numeric user, such as 65532, or add the name to /etc/passwd.";
    USER_NOT_NUMERIC = "user-not-numeric", Warning,
        "the configured user is a name, not a number",
        "With `runAsNonRoot` the kubelet refuses: `image has non-numeric user, cannot verify user is non-root`.",
        "Use the number: `USER 65532`.";
    USER_OUT_OF_RANGE = "user-out-of-range", Error,
        "the configured user or group is a number that engines refuse",
        "Docker, containerd and podman refuse: `uids and gids must be in range 0-2147483647`, exit 125.",
        "Use a number between 0 and 2147483647, such as 65532.";
    USER_FILES_BROKEN = "user-files-broken", Error,
        "engines cannot read the image's passwd or group file",
        "They read both files to start any user: `is a directory` or `bufio.Scanner: token too long`, exit 125 or 126.",
        "Write a regular file with one short line for each user or group.";
    PRIVILEGED_PORT = "privileged-port", Warning,
        "the image exposes a port below 1024 and its user is not root",
        "On nodes before kernel 4.11 and runtimes that keep the old limit: `bind: permission denied`.",
        "Listen on a port above 1023 and map it in the Service.";
    CONFIG_PLATFORM_MISMATCH = "config-platform-mismatch", Error,
        "the image's configuration names another platform than the target",
        "A runtime pulls the image for nodes on which its program does not start, or warns and refuses.",
        "Build the image again with the platform of its program.";
    CONFIG_PLATFORM_IGNORED = "config-platform-ignored", Warning,
        "the image's configuration names another platform than the target, and no index has the image",
        "Engines start a single manifest on any node: Docker and podman warn, containerd does not look.",
        "Build the image again with the platform of its program.";
    INDEX_PLATFORM_MISMATCH = "index-platform-mismatch", Error,
        "the index names another platform than the image's configuration",
        "Nodes choose by the index and pull an image for another platform: `exec format error`.",
        "Write the index again from the images' own configurations.";
    UNUSUAL_PLATFORM_NAME = "unusual-platform-name", Warning,
        "index or configuration spells the platform differently from the OCI image specification",
        "Docker takes any name silently; a runtime or registry that compares names exactly finds no match: `no match for platform \
         in manifest`.",
        "Use Go's spelling: amd64 instead of x86_64, arm64 instead of aarch64.";
    DUPLICATE_PLATFORM = "duplicate-platform", Warning,
        "the index names the same platform twice",
        "Runtimes take the first entry; the other is never started.",
        "Remove one of them, or give them different variants.";
    PLATFORM_MISSING = "platform-missing", Error,
        "the index has no image that such a node pulls",
        "containerd refuses to pull: `no match for platform in manifest`.",
        "Build the image for the node's platform too.";
    LAMBDA_INDEX = "lambda-index", Error,
        "the image is an index, and AWS Lambda takes the manifest of one platform",
        "CreateFunction and UpdateFunctionCode refuse it: `The image manifest, config or layer media type for the source image … is not \
             supported`. `docker build` writes an index even for one platform, because of its attestations.",
        "Build with `crossdock dist --for lambda` or `docker build --provenance=false --sbom=false`, or copy the image of the platform: `crossdock \
             copy --platform linux/arm64 SOURCE DESTINATION`.";
    LAMBDA_LAYER = "lambda-layer", Error,
        "a layer of the image is not compressed with gzip, and AWS Lambda takes no other",
        "The function does not start: `InvalidImage: ImageLayerFailure: UnsupportedImageLayerDetected`.",
        "Build the image with layers that are compressed with gzip, e.g. `docker buildx build --output type=image,compression=gzip,\
             force-compression=true`.";
    NOT_ON_PATH = "not-on-path", Note,
        "an executable file outside of PATH would not start",
        "`--all` verifies every executable file. Neither the image's entry point nor PATH leads to this one: it may be an example, a test, or \
             a program for another machine.",
        "Ignore it, remove it from the image, or add its directory to PATH if the image should start it.";
    WORKING_DIRECTORY = "working-directory", Error,
        "the runtime can neither enter nor create the working directory",
        "A missing directory is created, but a relative path, a file or a loop of links is refused: `Cwd must be an absolute path`, \
             `mkdir /srv: not a directory`, exit 125 or 126. No shell expands `~` or `$HOME` in a configuration.",
        "Set `working_dir` (WORKDIR) to the absolute path of a directory.";
    HEALTH_CHECK_BROKEN = "health-check-broken", Warning,
        "the program of the health check does not start",
        "Docker and podman mark the container as unhealthy, and orchestrators such as Swarm replace it again and again. Kubernetes ignores it.",
        "Install the program in the image, or correct HEALTHCHECK.";
    FOREIGN_USERLAND = "foreign-userland", Warning,
        "the image's shell or loader is for another processor",
        "The base image is for another architecture than the program: everything but a static program fails with `exec format error`.",
        "In the last FROM of the Dockerfile leave out `--platform=$BUILDPLATFORM`, and name the base by a tag or by the digest of its index, \
             not by the digest of one architecture.";
    CONFIG_INVALID = "config-invalid", Error,
        "no engine accepts a value of the image's configuration",
        "Docker, containerd and podman refuse to load the image, or the runtime refuses to start it.",
        "Correct the value, and build the image again.";
    LAYER_REFUSED = "layer-refused", Error,
        "every engine refuses a layer of the image",
        "Docker, containerd and podman stop at an entry of the layer, for example `failed to create hard link`, so that no node can pull the image.",
        "Build the layer again without the entry; a hard link needs its file in the same layer.";
    ENGINES_DIFFER = "engines-differ", Warning, Unproven,
        "some engines start the image and others refuse it",
        "Docker, containerd, podman and their runtimes treat a value of the configuration or an entry of a layer differently, so the node decides.",
        "Change the value or the entry to one that every engine accepts.";
    REFUSED_BY_ONE_ENGINE = "refused-by-one-engine", Warning,
        "one engine refuses the image, which Kubernetes and Docker start",
        "`ctr run` or podman is stricter than the engines of common nodes.",
        "Change the value to one that every engine accepts.";
    DIRECTORY_DIFFERS = "directory-differs", Warning,
        "engines give a directory of the program different owners or modes",
        "A layer has files in a directory of a lower layer but no entry of the directory itself: containerd keeps its owner and mode, Docker and \
             podman give it to root with the mode 0755.",
        "Add an entry of the directory to the layer, with its owner and mode.";
    LINK_REPLACED = "link-replaced", Warning,
        "a layer has entries below a link of a lower layer",
        "With the usual storage `overlay` a directory takes the place of the link, as of `/bin`, and hides what it leads to; with `vfs` the entries \
             go where the link leads. Base images that are made of several archives may have such layers.",
        "Let the layer have its files where the link leads, such as `/usr/bin` instead of `/bin`.";
    UNREADABLE = "unreadable", Warning, Unproven,
        "a file of the image could not be read",
        "The content of the file was not verified.",
        "Check the layer that contains it; pull or build the image again.";
}

/// Returns the catalogue as a Markdown table, for the documentation.
pub fn catalogue_markdown() -> String {
    CATALOGUE.markdown("why, and what the node shows")
}
