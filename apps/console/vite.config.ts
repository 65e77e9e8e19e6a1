// How the console is built. All that a page loads lies in `dist/assets` under a name with its hash, and is served at
// `/console/assets/`, for every tenant. Nothing is inlined, so that a content security policy without `unsafe-*` fits.

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    sourcemap: false,
  },
})
