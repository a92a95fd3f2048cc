import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all garbage now, so that none of it is paid for, or counted, in what is measured next. */
export const collectGarbage: () => void = runInNewContext('gc')
