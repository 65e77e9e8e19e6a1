export interface DB {
  [table: string]: any
}
