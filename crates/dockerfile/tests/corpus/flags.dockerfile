FROM --platform=linux/amd64 alpine AS one-amd64
RUN --mount=type=secret,id=netrc,required=true,target=/root/.netrc --network=none -- --not-a-flag
RUN --security=insecure --mount="type=bind,source=a b" ls
RUN -- ls
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d --chown=1:2 https://example.org/x.tar /x.tar
ADD --keep-git-dir=true https://github.com/moby/buildkit.git#v0.10.1 /buildkit
HEALTHCHECK --interval=5m --timeout=3s --start-period=5s --retries=3 CMD curl -f http://localhost/ || exit 1
COPY --link --parents ./x/./a.txt ./x/./b.txt /parents/
COPY --exclude=*.txt --exclude=*.md . /dest/
