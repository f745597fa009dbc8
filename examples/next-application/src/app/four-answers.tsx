'use client'

import { useEffect, useState } from 'react'

/** Asks four route handlers at once, as soon as the page is there. */
export function FourAnswers() {
  const [answers, setAnswers] = useState('')
  useEffect(() => {
    const asked = ['profile', 'orders', 'messages', 'news'].map((name) => fetch(`/api/${name}`))
    Promise.all(asked).then(
      (replies) => setAnswers(replies.map(({ status }) => status).join(' ')),
      () => setAnswers('failed'),
    )
  }, [])
  return <p id="answers">{answers}</p>
}
