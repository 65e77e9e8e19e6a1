import type { Command } from '../command.ts'

export const witness: Command = {
  name: 'witness',
  summary: "Cosign other brokers' logs, each only as long as it keeps to one history",
  about: `A witness (c2sp.org/tlog-witness) that remembers of each log what it has cosigned last, and cosigns only what begins with that. It
answers anyone, and vouches for the logs that are named here alone. Its key is made on the first start; the folder is its memory:
never go back to an older copy of it. Two teams can witness each other. docs/how-to/witness.md`,
  options: {
    name: { type: 'string', value: 'NAME', required: true, summary: 'what it is called: host/path, such as witness.example/w1' },
    state: { type: 'string', value: 'DIR', required: true, summary: 'where its key is, and what it has cosigned' },
    log: { type: 'string', value: 'VKEY', many: true, summary: 'the key of a log, as its broker shows it at /log/keys' },
    listen: { type: 'string', value: 'HOST:PORT', summary: 'where; 127.0.0.1:8555 if not given' },
    'tls-cert': { type: 'string', value: 'FILE', summary: 'its certificate with the chain, PEM; needed beyond this machine' },
    'tls-key': { type: 'string', value: 'FILE', summary: 'the key to it, PEM' },
    'show-key': { type: 'boolean', summary: 'only show its own key, which logs are told of' },
  },
  examples: [
    {
      text: 'its key, for MAYFLY_LOG_WITNESSES of the other broker',
      command: 'mayfly witness --name witness.example/w1 --state ./witness --show-key',
    },
    {
      text: 'for the log of another team, behind a proxy that ends TLS',
      command: "mayfly witness --name witness.example/w1 --state ./witness --log 'broker.other.example/log/…+1a2b3c4d+AQ…'",
    },
  ],
  async run(context) {
    // Only who runs a witness waits for what that needs to be loaded.
    const { runWitness } = await import('../witness/run-witness.ts')
    await runWitness(context)
  },
}
