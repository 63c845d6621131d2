# One image for every role: `baohao migrate`, `baohao run consumer`, …
# To pin the base by content as well, add the digest that your registry shows: python:3.12.12-slim@sha256:…
FROM python:3.12.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock .
# Everything locked is fetched and its hash checked; below only what runs is installed, from those files alone.
RUN pip download --only-binary :all: --require-hashes --requirement requirements.lock --dest /wheels
COPY . .
RUN python -m venv /opt/baohao \
    && /opt/baohao/bin/pip install --no-index --find-links /wheels '.[traces,rabbitmq,kafka,parquet]'

FROM python:3.12.12-slim
RUN useradd --system --uid 10001 --no-create-home baohao && install --directory --mode=0700 --owner=baohao /var/lib/baohao
COPY --from=build /opt/baohao /opt/baohao
ENV PATH=/opt/baohao/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1
USER baohao
WORKDIR /tmp
ENTRYPOINT ["baohao"]
CMD ["--help"]
