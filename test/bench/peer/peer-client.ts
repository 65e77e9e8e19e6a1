/** How the one client of the peer proves itself. */
export type PeerAuthentication = 'client_secret_post' | 'client_secret_basic'

export const peerClient = { client_id: 'bench', client_secret: 'bench-secret-of-no-value-0123456789' }

export const peerResource = 'https://orders.example.test'
