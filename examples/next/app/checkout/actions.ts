'use server'

import { withGFlux } from '@getfluxly/node/vercel'
import { redirect } from 'next/navigation'
import { gflux } from '../../lib/gflux'

/** A server action. Next's `redirect()` throws: that passes through the wrapper untouched. */
export const joinNewsletter = withGFlux(gflux, async (form: FormData) => {
  const plan = String(form.get('plan'))
  await gflux.track('newsletter_joined', { userId: 'user_123', properties: { plan } })
  if (plan === 'none') throw new Error('There is no such plan')
  redirect('/')
})
