// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// Every picture has a white background, so the same colors work on light and dark
// pages.
const head = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-labelledby="title desc">
<title id="title">%[3]s</title>
<desc id="desc">%[4]s</desc>
<style>
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1f2933; text-anchor: middle }
.name { font-size: 15px; font-weight: 700 }
.title { font-size: 13px; font-weight: 600 }
.line { font-size: 12px; fill: #47525e }
.ground { fill: #ffffff; stroke: #d5dbe1 }
.client, .part, .store { fill: #ffffff; stroke: #8a96a3 }
.host { fill: #f2f4f6; stroke: #8a96a3 }
.ours { fill: #e6f1fb; stroke: #1c6cb5 }
.ourpart, .ourstore { fill: #ffffff; stroke: #1c6cb5 }
.events, .reads, .other, .back { fill: none; stroke-width: 2 }
.events { stroke: #1c6cb5 }
.reads { stroke: #2c7a4b }
.other { stroke: #6b7785 }
.back { stroke: #a85a0c; stroke-dasharray: 5 4 }
.eventstext { font-size: 12px; fill: #1c6cb5; font-weight: 600 }
.readstext { font-size: 12px; fill: #2c7a4b; font-weight: 600 }
.backtext { font-size: 11px; fill: #a85a0c }
</style>
<defs>
%[5]s</defs>
<rect class="ground" x="0.5" y="0.5" width="%[6]d" height="%[7]d" rx="14"/>
`

const marker = `<marker id="%s-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="%s"/></marker>
`
