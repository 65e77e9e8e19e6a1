import { useEffect, useState } from 'react'
import { brokerNowMs } from '../api/request.ts'

/** The broker's time in milliseconds, new each second. */
export function useNow(): number {
  const [now, setNow] = useState(brokerNowMs)
  useEffect(() => {
    const timer = setInterval(() => setNow(brokerNowMs()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
