FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

# All that a start loads, compiled: where nobody may write it could not be kept. Node finds it again for the same user,
# flags, path and kind of processor. The copy below is root's, so that who runs may read it and not change it.
FROM packages AS compiled
COPY src ./src
COPY handlers ./handlers
COPY queues ./queues
RUN install -d -o node node_modules/.cache
USER node
RUN node --max-semi-space-size=16 --gc-memory-reducer-start-delay-ms=300000 --v8-pool-size=1 src/runtime/compile-all.ts && chmod -R a+rX node_modules/.cache

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATABASE_URL=pglite:/data/ledger
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src
COPY handlers ./handlers
COPY queues ./queues
COPY examples ./examples
COPY --from=compiled /app/node_modules/.cache ./node_modules/.cache
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8787
# A process that only works listens at METRICS_PORT, all others at PORT.
HEALTHCHECK --interval=10s --timeout=3s --start-period=150s \
  CMD ["node", "-e", "Promise.any([process.env.PORT||8787,process.env.METRICS_PORT].filter(Boolean).map(p=>fetch('http://127.0.0.1:'+p+'/healthz').then(r=>r.ok||Promise.reject()))).then(()=>process.exit(0),()=>process.exit(1))"]
# As in package.json: a young generation of bounded size and one helper thread, or a relay at rest keeps 100 MiB for nothing;
# and what V8 compiled is not forgotten after eight seconds without work.
ENTRYPOINT ["node", "--max-semi-space-size=16", "--gc-memory-reducer-start-delay-ms=300000", "--v8-pool-size=1", "src/main.ts"]
CMD ["start"]
