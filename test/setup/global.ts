// One PostgreSQL for the whole run; every test file reaches it by `inject('adminUrl')`.
import type { TestProject } from 'vitest/node'
import { startRunCluster } from './run-cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser of the run's PostgreSQL. */
    adminUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startRunCluster()
  project.provide('adminUrl', cluster.adminUrl)
  return () => cluster.stop()
}
