# Any Debian or Alpine image with Node.js 24 and a user `node`.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY . .
# The package as it would be published: compiled, and installed without development dependencies.
RUN npm ci --no-audit --no-fund \
 && npm pack --pack-destination /tmp \
 && npm install --global --prefix /opt/tandem --omit=dev --ignore-scripts --no-audit --no-fund /tmp/tandem-*.tgz
# The addon for RTP sockets, where a compiler can be had; without it Node.js's own sockets serve.
RUN { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev || apk add --no-cache gcc musl-dev; } \
      > /dev/null 2>&1; \
    node /opt/tandem/lib/node_modules/tandem/native/build.js

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    PATH=/opt/tandem/bin:$PATH \
    TANDEM_SOCKET=/app/run/tandem.sock \
    TANDEM_HTTP_LISTEN=0.0.0.0:8080 \
    TANDEM_HTTP_MAKE_TOKEN=true
COPY --from=build /opt/tandem /opt/tandem
COPY docker/entrypoint.sh /usr/local/bin/tandem-entrypoint
RUN mkdir -p /app/run /app/data && chown -R node:node /app
WORKDIR /app
USER node
EXPOSE 5060/udp 5060/tcp 5066/tcp 8080/tcp 8443/tcp 16384-32766/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["tandem", "check"]
ENTRYPOINT ["tandem-entrypoint"]
