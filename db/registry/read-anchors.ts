import type { Sql } from 'postgres'

/** PEM of every anchor of every certificate trust source in the deployment, each once, in a stable order. */
export async function readAnchors(sql: Sql): Promise<string[]> {
  const rows = await sql<{ pem: string }[]>`
    select distinct pem from mayfly.trust_source, jsonb_array_elements_text(config -> 'anchors_pem') pem
     where kind = 'x509_ca' order by pem`
  return rows.map(row => row.pem)
}
