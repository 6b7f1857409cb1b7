// Command main is what the tests compile for many platforms. It imports nothing, so that a platform costs little.
package main

func main() { println("started") }
