# The image: one static binary and nothing else.
#
#   docker build --build-arg VERSION=v0.1.0 -t events-apiserver:v0.1.0 .
#
# builds it in a Go image (GO_IMAGE says which, for a registry of your own). `make image` needs no Go image: it builds the binary with
# the machine's own Go, then the stage "prebuilt". That stage stands before "build", as some builders run every stage up to the target.
ARG GO_IMAGE=golang:1.26

# No CA certificates: the server trusts kube-apiserver and etcd by CA files that it is given, and an admission webhook by the caBundle
# in its configuration. For a webhook that leaves it to the system's CAs, mount some and set SSL_CERT_DIR.
FROM scratch AS runtime
LABEL org.opencontainers.image.title="events-apiserver" \
      org.opencontainers.image.description="Aggregated API server that serves events.k8s.io/v1 from a store of its own" \
      org.opencontainers.image.source="https://github.com/events-apiserver/events-apiserver" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numbers, not a name: there is no /etc/passwd, and runAsNonRoot can only be checked for a number.
USER 65534:65534
ENTRYPOINT ["/events-apiserver"]
# Without arguments it says what it can do; "serve" needs flags that only the operator knows.
CMD ["--help"]

FROM runtime AS prebuilt
ARG VERSION=
ARG COMMIT=
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${COMMIT}"
COPY events-apiserver /events-apiserver

FROM ${GO_IMAGE} AS build
WORKDIR /src
# The modules change more rarely than the source, so they are a layer of their own.
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
