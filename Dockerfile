# One image for web, worker, beat and the migration; compose.yaml says which command each runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/anb
COPY requirements.lock pyproject.toml README.md ./
RUN /opt/anb/bin/pip install --quiet --require-hashes -r requirements.lock
COPY src src
# Wheels hold bytecode for nobody: compiled here, the root of the running container may be read-only.
RUN /opt/anb/bin/pip install --quiet --no-build-isolation --no-deps . \
    && /opt/anb/bin/python -m compileall -q /opt/anb/lib

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin anb \
    && install -d -o anb -g anb /app /app/media
COPY --from=build /opt/anb /opt/anb
COPY deployment/gunicorn/gunicorn.conf.py /app/gunicorn.conf.py
ENV PATH=/opt/anb/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEDIA_ROOT=/app/media
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["gunicorn", "-c", "/app/gunicorn.conf.py", "-b", "0.0.0.0:8000", "anb.api:create_app()"]
