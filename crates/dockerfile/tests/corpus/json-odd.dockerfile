FROM alpine
CMD ["echo", "a\u00e9\n\ttab", "[x]"]
ENTRYPOINT ["unterminated"
RUN ['single', 'quotes']
RUN [ "a" , "b" ]  
RUN []
SHELL ["/bin/sh","-c"]
COPY [ "a b", "c d", "/dst/" ]
ADD ["x"
