// Where V8 puts new objects.
//
// A kind of object that has often outlived V8's quick collections is put into the old generation at once, and from there it holds
// whatever it points to until the next slow collection. In a broker nearly nothing outlives its request but what is remembered of it.
// Still V8 comes to think so, in some processes and not in others, decided soon after the start: then all that a request held goes
// the slow way, the slow collector runs three times as often, and the broker is a fifth to a third slower (docs/decisions/0041).

import { setFlagsFromString } from 'node:v8'

/** For the whole process and its threads, before the work begins. V8's flag; `NODE_OPTIONS` does not take it. */
export function keepObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
