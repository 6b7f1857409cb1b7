FROM debian:bookworm
ENV JAVA_HOME /usr/lib/jvm/java
ENV PATH   $JAVA_HOME/bin:$PATH
LABEL com.example.version 1.0
ENV EMPTY=
ENV ONE=1 \
    TWO=2 \
    # comment
    THREE="3 \" three"
