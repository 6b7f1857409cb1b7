FROM python:3.13-slim
LABEL maintainer="Someone <someone@example.org>" \
      org.opencontainers.image.title="An app with \"quotes\" and a \$ sign" \
      description='single quoted'
ENV PYTHONUNBUFFERED 1
ENV A=1 B="two words" C=three\ words D='x y'
RUN useradd --create-home app
USER app
WORKDIR /home/app
COPY --chown=app:app requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=app:app . .
HEALTHCHECK NONE
VOLUME ["/data", "/logs"]
VOLUME /a /b
STOPSIGNAL SIGINT
CMD ["python", "-m", "app"]
