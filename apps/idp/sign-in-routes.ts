// Human sign-in: oidc-provider sends the browser to /interaction/:uid, the page asks for a name, the answer finishes the
// interaction. The interaction cookie is bound to this path and SameSite, so another site cannot answer for the user.

import type { Middleware } from 'koa'
import type Provider from 'oidc-provider'
import { findPerson, type Person } from './people.ts'
import { readBody } from './read-body.ts'
import { pageHeaders, problemPage, signInPage } from './sign-in-page.ts'

const interactionPath = /^\/interaction\/[A-Za-z0-9_-]+$/

/** Koa middleware for GET and POST /interaction/:uid. */
export function signInRoutes(provider: Provider, people: readonly Person[]): Middleware {
  return async (ctx, next) => {
    if (!interactionPath.test(ctx.path)) return next()
    if (ctx.method !== 'GET' && ctx.method !== 'POST') return ctx.throw(405)

    const details = await provider.interactionDetails(ctx.req, ctx.res).catch(() => undefined)
    if (!details) {
      ctx.status = 400
      ctx.set(pageHeaders())
      ctx.body = problemPage('invalid_request', 'This sign-in has ended or began in another browser. Go back and start again.')
      return
    }
    const show = (problem?: string) => {
      ctx.set(pageHeaders(originOf(details.params['redirect_uri'])))
      ctx.body = signInPage({
        people,
        action: ctx.path,
        client: String(details.params['client_id']),
        ...(problem && { problem }),
      })
    }
    if (ctx.method === 'GET') return show()

    const form = new URLSearchParams((await readBody(ctx.req)) ?? '')
    const person = findPerson(people, form.get('person') ?? '')
    if (!person && !form.has('cancel')) {
      ctx.status = 400
      return show('A name begins with a letter and has lower-case letters, digits, dots, dashes and underscores.')
    }
    const result = form.has('cancel')
      ? { error: 'access_denied', error_description: 'The sign-in was cancelled.' }
      : // Native clients want a human being each time (RFC 8252 § 8.6): who picks a name is one.
        { login: { accountId: person!.id, remember: false }, consent: {} }
    ctx.respond = false // oidc-provider writes the redirect itself
    await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  }
}

function originOf(uri: unknown): string | undefined {
  return typeof uri === 'string' && URL.canParse(uri) ? new URL(uri).origin : undefined
}
