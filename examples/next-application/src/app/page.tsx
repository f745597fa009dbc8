import Link from 'next/link'
import { redirect } from 'next/navigation'
import { rendering } from '../application.ts'
import { access } from './access.ts'
import { FourAnswers } from './four-answers.tsx'

export default async function Page() {
  const found = await access()
  if (found.status === 'rotation-required') redirect(rendering().renewalAddress('/'))
  return (
    <main>
      <h1 id="greeting">{found.status === 'active' ? `Hello ${found.user.username}` : found.status}</h1>
      <FourAnswers />
      <Link href="/orders">Orders</Link>
    </main>
  )
}
