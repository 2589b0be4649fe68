# The image: one static binary and nothing else.
#
#   docker build --build-arg VERSION=v0.1.0 -t events-apiserver:v0.1.0 .
#
# builds it in a Go image (set GO_IMAGE for another registry). `make image` needs no Go image: it builds the binary with the Go of the
# machine, then the stage "prebuilt". That stage is before "build", because some builders run every stage up to the target.
ARG GO_IMAGE=golang:1.26

# No CA certificates: flags name the CA files for kube-apiserver and etcd, and the configuration of an admission webhook has its caBundle.
# For webhooks that rely on the system's CAs, mount a directory of CA certificates and set SSL_CERT_DIR.
FROM scratch AS runtime
LABEL org.opencontainers.image.title="events-apiserver" \
      org.opencontainers.image.description="Aggregated API server that serves events.k8s.io/v1 from a store of its own" \
      org.opencontainers.image.source="https://github.com/events-apiserver/events-apiserver" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numbers, not names: there is no /etc/passwd, and the kubelet can verify runAsNonRoot only for a number.
USER 65534:65534
ENTRYPOINT ["/events-apiserver"]
# Without arguments it prints its help; "serve" needs flags that depend on the installation.
CMD ["--help"]

FROM runtime AS prebuilt
ARG VERSION=
ARG COMMIT=
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${COMMIT}"
COPY events-apiserver /events-apiserver

FROM ${GO_IMAGE} AS build
WORKDIR /src
# A separate layer for the modules, which change less often than the source.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG COMMIT=
ARG TREE_STATE=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(hack/image/ldflags.sh)" -o /events-apiserver ./cmd/events-apiserver

FROM runtime
ARG VERSION=
ARG COMMIT=
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /events-apiserver /events-apiserver
