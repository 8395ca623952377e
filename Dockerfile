# syntax=docker/dockerfile:1
# One image for each part: `docker build --target worker --tag sendry/worker:dev .`
# The same images without Docker: `cargo xtask images`, whose table (xtask/src/images.rs) a test compares with this file.

FROM node:22-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN --mount=type=cache,target=/npm npm ci --cache /npm --no-audit --no-fund
COPY dashboard/ ./
RUN npm run build

FROM rust:1.95.0-slim-bookworm AS build
# As rust-toolchain.toml says, without its lints and formatter, which rustup would fetch.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
COPY --from=dashboard /src/dashboard/dist dashboard/dist
# What is compiled stays in the caches from build to build, which hold dependencies better than layers would. Our own sources
# are touched: cargo goes by times, and would take what another checkout left there for this one's.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    find . -path ./target -prune -o -type f -exec touch -c {} + \
    && cargo build --release --locked --bins \
        --package sendry-operator --package sendry-ingest --package sendry-worker \
        --package sendry-analytics --package sendry \
    && mkdir /out \
    && for program in sendry-operator sendry-ingest sendry-worker sendry-analytics sendry; do \
        strip -o /out/$program target/release/$program || exit 1; \
    done

# libc, libgcc, certificates, /tmp, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot AS base
LABEL org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /

FROM base AS operator
COPY --from=build /out/sendry-operator /usr/local/bin/sendry-operator
LABEL org.opencontainers.image.title="Sendry's operator: tenants and pipelines on Kubernetes"
ENTRYPOINT ["/usr/local/bin/sendry-operator"]

FROM base AS ingest
COPY --from=build /out/sendry-ingest /usr/local/bin/sendry-ingest
LABEL org.opencontainers.image.title="Sendry's ingest: events over HTTP into the queue"
ENTRYPOINT ["/usr/local/bin/sendry-ingest"]

FROM base AS worker
COPY --from=build /out/sendry-worker /usr/local/bin/sendry-worker
LABEL org.opencontainers.image.title="Sendry's workers and keepers: every event counted once"
ENTRYPOINT ["/usr/local/bin/sendry-worker"]

FROM base AS analytics
COPY --from=build /out/sendry-analytics /usr/local/bin/sendry-analytics
LABEL org.opencontainers.image.title="Sendry's analytics API, without the dashboard"
ENTRYPOINT ["/usr/local/bin/sendry-analytics"]

FROM base AS cli
COPY --from=build /out/sendry /usr/local/bin/sendry
LABEL org.opencontainers.image.title="Sendry's command: everything, and the dashboard"
ENTRYPOINT ["/usr/local/bin/sendry"]
