#!/bin/sh
# Makes the first inputs of the corpus: small programs without any library's code, compiled from the sources here, and
# texts. Fuzzing added the others. Inputs of `elf` and `go_build_info` lack the magic, which their targets add.
set -eu
cd "$(dirname "$0")"
corpus=../corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$corpus/elf" "$corpus/mach_o" "$corpus/pe" "$corpus/go_build_info" "$corpus/layer" "$corpus/merge" \
    "$corpus/manifest" "$corpus/image_config" "$corpus/project_config" "$corpus/shell"

# elf: compiler, name, flags.
elf() {
    compiler=$1 name=$2
    shift 2
    "$compiler" -nostdlib -nostartfiles -Os -s -Wl,-z,max-page-size=4096,-z,noseparate-code,--build-id=none \
        -o "$work/elf" start.c "$@"
    tail -c +5 "$work/elf" > "$corpus/elf/$name"
}
gcc -shared -fPIC -nostdlib -s -Os -Wl,-z,max-page-size=4096,-z,noseparate-code,--build-id=none -Wl,-soname,liba.so.1,--version-script=versions -o "$work/liba.so" library.c
elf gcc static -static
elf gcc static-pie -static-pie -fpie
elf gcc dynamic -fpie -pie -DNEEDS "$work/liba.so"
elf gcc runpath -fpie -pie -DNEEDS "$work/liba.so" "-Wl,-rpath,\$ORIGIN/../lib:/opt:,--enable-new-dtags"
elf gcc rpath -fpie -pie -DNEEDS "$work/liba.so" "-Wl,-rpath,/lib,--disable-new-dtags,-z,now,--hash-style=sysv"
elf gcc musl -fpie -pie -DNEEDS "$work/liba.so" -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
elf gcc x32 -mx32 -static
elf gcc i386 -m32 -static
elf gcc v3 -static -Wl,-z,x86-64-v3
elf aarch64-linux-gnu-gcc arm64 -static
elf aarch64-linux-gnu-gcc arm64-pie -fpie -pie -mbranch-protection=standard -Wl,--dynamic-linker=/lib/ld-linux-aarch64.so.1
tail -c +5 "$work/liba.so" > "$corpus/elf/library"

# mach_o: magic, processor; universal files with one and two parts.
printf '\317\372\355\376\014\000\000\001\000\000\000\000\002\000\000\000' > "$corpus/mach_o/arm64"
printf '\317\372\355\376\007\000\000\001\003\000\000\000\002\000\000\000' > "$corpus/mach_o/amd64"
printf '\316\372\355\376\007\000\000\000\003\000\000\000\002\000\000\000' > "$corpus/mach_o/386"
printf '\376\355\372\316\000\000\000\022\000\000\000\000\000\000\000\002' > "$corpus/mach_o/powerpc"
printf '\312\376\272\276\000\000\000\001\001\000\000\014\000\000\000\000\000\000\100\000' > "$corpus/mach_o/universal-1"
{
    printf '\312\376\272\276\000\000\000\002\001\000\000\014\000\000\000\000\000\000\100\000\000\000\000\020\000\000\000\016'
    printf '\001\000\000\007\000\000\000\003\000\000\200\000\000\000\000\020\000\000\000\016'
} > "$corpus/mach_o/universal-2"
printf '\312\376\272\276\000\000\000\064\000\035' > "$corpus/mach_o/java-class"

# pe: a DOS header that points to a COFF header: machine, sections, time, symbols, size of the next header, flags.
pe() {
    printf 'MZ' && head -c 58 /dev/zero && printf "\\100\\000\\000\\000PE\\000\\000$1\\001\\000"
    head -c 12 /dev/zero && printf "\\360\\000$2\\013\\002" && head -c 238 /dev/zero
}
pe '\144\206' '\042\000' > "$corpus/pe/amd64"
pe '\144\252' '\042\000' > "$corpus/pe/arm64"
pe '\114\001' '\002\001' > "$corpus/pe/386"
pe '\144\206' '\042\040' > "$corpus/pe/library"
printf 'MZ' > "$corpus/pe/short"

# go_build_info: what follows the magic: size of a pointer, flags, then two strings with their lengths.
length() {
    if [ "$1" -lt 128 ]; then
        printf "\\$(printf %03o "$1")"
    else
        printf "\\$(printf %03o $(($1 % 128 + 128)))\\$(printf %03o $(($1 / 128)))"
    fi
}
go() {
    printf '\010\002' && head -c 16 /dev/zero && length ${#1} && printf %s "$1"
    text=$(printf '%b_' "$2") && text=${text%_}
    length $((${#text} + 32)) && printf '\060w\257\014\222t\010\002A\341\301\007\346\326\030\346'
    printf %s "$text" && printf '\3712C1\206\030 r\000\202B\020A\026\330\362'
}
go go1.26.8 'path\tr.example/app\nmod\tr.example/app\tv1.2.3\th1:abc=\ndep\tr.example/b\tv0.1.0\th1:c=\n=>\tr.example/c\tv0.2.0\th1:d=\nbuild\t-buildmode=exe\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\nbuild\tGOAMD64=v3\nbuild\t"-ldflags"="-s -w"\n' > "$corpus/go_build_info/full"
go go1.26.8 'path\tx\nmod\tx\t(devel)\t\n' > "$corpus/go_build_info/devel"
go go1.26.8 'build\tGOARCH=arm\nbuild\tGOARM=7,softfloat\n' > "$corpus/go_build_info/arm"
go go1.18 '' > "$corpus/go_build_info/no-module"
go 'go1.26-devel_abc X:boringcrypto' 'build\tGOAMD64=v9\nbuild\tvcs.modified=true\n' > "$corpus/go_build_info/odd"
{ printf '\010\000' && head -c 32 /dev/zero; } > "$corpus/go_build_info/pointers"
{ printf '\004\001' && head -c 32 /dev/zero; } > "$corpus/go_build_info/big-endian"

# layer: tars of each form, also compressed.
(
    cd "$work" && mkdir -p root/etc root/usr/lib && echo text > root/etc/hosts && ln -s usr/lib root/lib
    ln root/etc/hosts root/etc/same && : > root/.wh.gone && : > root/etc/.wh..wh..opq
    mkdir -p "root/$(printf 'long%.0s' $(seq 40))"
)
pack() { tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$work/root" "$@" .; }
pack --format=gnu -cf "$corpus/layer/gnu.tar"
pack --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$corpus/layer/pax.tar"
pack --format=v7 --exclude='long*' -cf "$corpus/layer/v7.tar"
gzip -9 -n < "$corpus/layer/gnu.tar" > "$corpus/layer/gnu.tar.gz"
zstd -q -19 -f "$corpus/layer/gnu.tar" -o "$corpus/layer/gnu.tar.zst"
head -c 700 "$corpus/layer/gnu.tar" > "$corpus/layer/cut.tar"

# merge: kind, path, target and mode of each entry; 200 ends a layer.
printf '\000\000\000\044\002\007\000\044\310\000\000\000\000\010\000\044' > "$corpus/merge/below-a-link"
printf '\005\000\000\076\000\002\000\044\310\000\000\000\000\017\000\044' > "$corpus/merge/whiteout"
printf '\005\000\000\076\000\002\000\044\310\000\000\000\000\021\000\044' > "$corpus/merge/opaque"
printf '\000\000\000\044\310\000\000\000\001\007\000\044' > "$corpus/merge/hard-link"
printf '\002\000\001\044\002\007\000\044\000\002\000\044\310\000\000\000\005\000\000\076' > "$corpus/merge/loop"
printf '\005\013\000\076\000\014\000\044\000\012\000\044' > "$corpus/merge/above-the-root"

digest=sha256:$(printf '' | sha256sum | cut -c1-64)
config="{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"$digest\",\"size\":0}"
layer="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"$digest\",\"size\":7}"
printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$config" "$layer" > "$corpus/manifest/manifest"
printf '{"schemaVersion":2,"config":%s,"layers":null,"annotations":{"a":"b"}}' "$config" > "$corpus/manifest/null"
printf '{"schemaVersion":2,"manifests":[]}' > "$corpus/manifest/index"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1","os.features":["x"]}}]}' "$digest" > "$corpus/manifest/index-platform"
printf '{"schemaVersion":1,"manifests":[]}' > "$corpus/manifest/schema-1"
printf '{"schemaVersion":2,"manifests":[],"layers":[],"config":%s}' "$config" > "$corpus/manifest/ambiguous"

image() { printf '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["%s"]},"config":%s}' "$digest" "$1"; }
image '{"Entrypoint":["/entry.sh"],"Cmd":["app"],"Env":["PATH=/bin::.","A"],"User":"web:web","WorkingDir":"/srv"}' > "$corpus/image_config/script"
image '{"Entrypoint":["/loop"],"User":"33:x"}' > "$corpus/image_config/loop"
image '{"Entrypoint":["app"],"Env":["PATH="],"WorkingDir":"../x","ExposedPorts":{"80/tcp":{},"x":{}}}' > "$corpus/image_config/relative"
image '{"Entrypoint":null,"Cmd":["/bin/sh","-c","exec /app"],"Volumes":{"/data":{}},"Labels":{"a":"b"},"StopSignal":"9"}' > "$corpus/image_config/shell"
image '{"Entrypoint":[""],"Cmd":["/data"],"Healthcheck":{"Test":["CMD","/x"],"Interval":1,"Retries":3},"User":"4294967296"}' > "$corpus/image_config/healthcheck"
printf '{"os":"LINUX","architecture":"AMD64","variant":"v9","created":"x","rootfs":{"type":"","diff_ids":null},"history":[{"created_by":"x","empty_layer":true}]}' > "$corpus/image_config/odd"

printf '[defaults]\nplatforms = ["linux/amd64"]\n\n[image.app]\npath = "."\n' > "$corpus/project_config/image"
printf '[deploy.eks]\nnodes = ["m7g.large"]\n' > "$corpus/project_config/deploy"
printf '[image.hello]\npath = "."\ncgo = true\nlinkage = "dynamic"\n\n[image.hello.dockerfile]\nbase = "debian-slim"\npackages = ["zlib1g-dev"]\n' > "$corpus/project_config/dockerfile"
printf '[image.a]\npath = "../x"\ntags = ["r.example/a:{{ version }}"]\nenv = { A = "b" }\nports = ["80/tcp", 443]\nuser = "0"\n' > "$corpus/project_config/template"
printf '[image.a]\nunknown = 1\n' > "$corpus/project_config/unknown"

script() { printf "$2" > "$corpus/shell/$1"; }
script exec 'set -e\nexec "$@"\n'
script option '#!/bin/sh\nset -e\nif [ "${1#-}" != "$1" ]; then\n    set -- /app "$@"\nfi\nexec "$@"\n'
script case 'case "$1" in\n    /app|app) shift; exec /app "$@" ;;\n    -*) exec /app "$@" ;;\n    *) exec "$1" ;;\nesac\n'
script default ': "${PORT:=80}"\nexport PORT HOST=${HOST:-0.0.0.0}\ncd /srv && exec /app --port "$PORT" ${FLAGS}\n'
script loop 'for file in /*.sh; do\n    [ -x "$file" ] && . "$file"\ndone\nwhile :; do sleep 1; done\n'
script function 'run() {\n    local name=$1; shift\n    "$name" "$@" || return 1\n}\nrun /app "$@" && exit 0\nexit 3\n'
script here 'cat <<EOF > /etc/app.conf\nport=$PORT\nEOF\n/app | tee /data &\nwait\n'
script substitution 'user=$(id -u)\nif [ "$user" = 0 ] && command -v gosu >/dev/null 2>&1; then exec gosu web "$0" "$@"; fi\n'
script source '. /lib.sh\neval "exec $1"\n'
script arithmetic 'n=$((1 + 2 * 3))\nuntil [ $n -le 0 ]; do n=$((n - 1)); done\n[ $n -eq 0 ] && exec /app\n'
script bash 'set -euo pipefail\nshopt -s nullglob\nargs=(--a "$@")\nif [[ $1 == -* ]]; then exec /app "${args[@]}"; fi\ntrap "exit 0" TERM\n'
script carriage-return 'set -e\r\nexec /app\r\n'
