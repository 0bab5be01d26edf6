# Any Debian or Alpine image with Node.js 24, npm and a user `node`.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
# A compiler, for the addon that reads RTP sockets.
RUN { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev || apk add --no-cache gcc musl-dev; } > /dev/null
WORKDIR /build
COPY . .
# The package as it is published, compiled, with what package-lock.json says it needs to run.
RUN scripts/release.sh /opt/tandem/package
# /var/run/kamailio: where kamcmd asks by default, also in the quick reference.
RUN mkdir -p /opt/tandem/bin \
 && ln -s ../package/bin/tandem.js /opt/tandem/bin/tandem \
 && ln -s ../package/bin/kamcmd.js /opt/tandem/bin/kamcmd \
 && cp docker/entrypoint.sh docker/defaults.sh /opt/tandem/bin \
 && chmod -R a+rX,go-w /opt/tandem

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Tandem" \
      org.opencontainers.image.description="A B2BUA media server that you script in TypeScript" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production \
    PATH=/opt/tandem/bin:$PATH \
    NODE_COMPILE_CACHE=/tmp/node-compile-cache \
    IMAGE_DEFAULTS=/opt/tandem/bin/defaults.sh
COPY --from=build /opt/tandem /opt/tandem
RUN mkdir -p /app/run /app/data /app/recordings /app/prompts /app/scripts /app/settings \
 && chown -R node:node /app \
 && ln -s settings/tandem.yaml /app/tandem.yaml \
 && ln -s /app/run /run/kamailio
WORKDIR /app
USER node
VOLUME ["/app/data", "/app/recordings"]
EXPOSE 5060/udp 5060/tcp 5066/tcp 8080/tcp 8443/tcp 20000-20099/udp
# Running calls may end: drainTimeout. SIGQUIT leaves them to the next container instead (scripts/deploy.sh).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["tandem", "check"]
ENTRYPOINT ["/opt/tandem/bin/entrypoint.sh"]
