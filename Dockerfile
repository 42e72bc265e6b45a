# spikewatch as a container: no root, a read-only file system, one volume, secrets only at run time.
#
#   docker build -t spikewatch .
#   docker run --rm spikewatch demo --once
#   docker run -d --name spikewatch --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v spikewatch-data:/var/lib/spikewatch -v ./spikewatch.yaml:/etc/spikewatch/spikewatch.yaml:ro \
#     --env-file ./spikewatch.env -p 127.0.0.1:9463:9463 spikewatch
#
# spikewatch.env holds what the configuration names as secrets, one NAME=value a line; keep it out of version control.
# The store belongs on the volume: `store: sqlite:////var/lib/spikewatch/spikewatch.db`

FROM python:3.13-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock.txt requirements-build.lock.txt ./
RUN python -m venv /opt/spikewatch \
    && /opt/spikewatch/bin/pip install --require-hashes --only-binary :all: -r requirements.lock.txt \
    && pip install --require-hashes --only-binary :all: -r requirements-build.lock.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
    && /opt/spikewatch/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/spikewatch/bin/pip uninstall --yes pip

FROM python:3.13-slim
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/spikewatch
COPY --from=builder /opt/spikewatch /opt/spikewatch
# The file system may be read-only: no bytecode is written, and what matplotlib caches goes to /tmp.
ENV PATH=/opt/spikewatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    SPIKEWATCH_CONFIG=/etc/spikewatch/spikewatch.yaml \
    SPIKEWATCH_METRICS_LISTEN=0.0.0.0:9463
USER 10001:10001
WORKDIR /var/lib/spikewatch
VOLUME /var/lib/spikewatch
EXPOSE 9463
# Address and scheme come from the configuration and the environment, as those of the daemon do.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["spikewatch", "status", "--live"]
ENTRYPOINT ["spikewatch"]
CMD ["run"]
