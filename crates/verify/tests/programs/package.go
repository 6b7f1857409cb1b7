// Package answer is not a program.
package answer

// Answer returns the answer.
func Answer() int { return 42 }
