# A comment that is no directive
# escape=`
	# an indented comment
   FROM alpine:3.22
RUN echo one && \
# a comment between
    # an indented one between
    echo two \

    && echo three \\
RUN echo "ends # not a comment"
RUN echo back\\slash \
    and more\
CMD ["a",
