import { redirect } from 'next/navigation'
import { rendering } from '../../application.ts'
import { access } from '../access.ts'

export default async function Orders() {
  const found = await access()
  if (found.status === 'rotation-required') redirect(rendering().renewalAddress('/orders'))
  return (
    <main>
      <h1 id="greeting">{found.status === 'active' ? `Orders of ${found.user.username}` : found.status}</h1>
    </main>
  )
}
