FROM alpine
RUN cat <<${X:-EOF} | tee /x && echo ${a:-b c} "${d:+e}"
RUN echo "a << b" '<<EOF' \<<EOF <<'E'"OF" 3<<FD
heredoc one
EOF
heredoc two
FD
RUN echo $((1<<2))
EXPOSE 80 443/tcp  53/udp
UNKNOWN instruction here
WORKDIR "/with space"
USER $USER:${GROUP:-1000}
