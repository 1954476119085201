//! The part of Python's pickle virtual machine (protocol 2 to 5) that `torch.save` uses for a dictionary of tensors.
//!
//! Invariant: no object is built. A global is a name, a call is one of the few known here or an opaque value.

use std::collections::HashMap;

/// A value on the machine's stack.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Str(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// `module.name`
    Global(String),
    /// What a persistent id stands for: a reference to a storage.
    Persistent(Box<Value>),
    /// `torch._utils._rebuild_tensor_v2` with its arguments.
    TensorCall(Vec<Value>),
    /// Anything a checkpoint may carry and that is not needed.
    Opaque,
}

/// Values that a pickle may repeat; a model has some thousands of tensors of some ten values each.
const MOST_COPIED: usize = 10_000_000;
/// Levels that containers may nest; a state dictionary has four.
const DEEPEST: usize = 32;

impl Value {
    fn children(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Self::Tuple(items) | Self::List(items) | Self::TensorCall(items) => Box::new(items.iter()),
            Self::Dict(items) => Box::new(items.iter().flat_map(|(key, value)| [key, value])),
            Self::Persistent(id) => Box::new(std::iter::once(&**id)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The value, unless it nests beyond measure: dropping it would then exhaust the stack.
    fn checked(self) -> Result<Self, String> {
        if self.children().any(|child| child.depth() >= DEEPEST) {
            return Err("it nests too deep for a dictionary of tensors".into());
        }
        Ok(self)
    }

    fn depth(&self) -> usize {
        1 + self.children().map(Value::depth).max().unwrap_or(0)
    }

    /// Number of values in it, itself included.
    fn size(&self) -> usize {
        1 + self.children().map(Value::size).sum::<usize>()
    }
}

/// Runs one pickle at the start of `bytes`; gives its value and the bytes it took.
pub(super) fn load(bytes: &[u8]) -> Result<(Value, usize), String> {
    Machine { bytes, at: 0, stack: vec![], marks: vec![], memo: HashMap::new(), copied: 0 }.run()
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    /// Values copied out of the memo.
    copied: usize,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<(Value, usize), String> {
        loop {
            let op = self.take::<1>()?[0];
            match op {
                b'.' => return Ok((self.pop()?, self.at)),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'c' => self.global_lines()?,
                0x93 => self.stack_global()?,
                b'R' => self.reduce()?,
                b'Q' => {
                    let id = self.pop()?;
                    self.stack.push(Value::Persistent(Box::new(id)).checked()?);
                }
                // BUILD sets an object's state (an OrderedDict's `_metadata`): not needed.
                b'b' => drop(self.pop()?),
                b'q' | b'r' | 0x94 | b'h' | b'j' => self.memo_op(op)?,
                b's' | b'u' | b'a' | b'e' => self.fill(op)?,
                0x80 => drop(self.take::<1>()?),
                0x95 => drop(self.take::<8>()?),
                _ => {
                    let value = self.literal(op)?;
                    self.stack.push(value);
                }
            }
        }
    }

    fn literal(&mut self, op: u8) -> Result<Value, String> {
        Ok(match op {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i32::from_le_bytes(self.take()?).into()),
            b'K' => Value::Int(self.take::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.take()?).into()),
            0x8a => self.long()?,
            b'G' => {
                self.take::<8>()?;
                Value::Opaque
            }
            b'X' | b'T' => {
                let n = u32::from_le_bytes(self.take()?);
                self.string(n as usize)?
            }
            0x8c | b'U' => {
                let n = self.take::<1>()?[0];
                self.string(n.into())?
            }
            b'}' => Value::Dict(vec![]),
            b']' => Value::List(vec![]),
            b')' => Value::Tuple(vec![]),
            b't' => Value::Tuple(self.pop_mark()?).checked()?,
            b'l' => Value::List(self.pop_mark()?).checked()?,
            0x85..=0x87 => {
                let n = usize::from(op - 0x84);
                let from = self.stack.len().checked_sub(n).ok_or("its stack is empty too early")?;
                Value::Tuple(self.stack.split_off(from)).checked()?
            }
            other => {
                return Err(format!(
                    "it uses pickle opcode 0x{other:02x}, which a dictionary of tensors does not need"
                ));
            }
        })
    }

    fn memo_op(&mut self, op: u8) -> Result<(), String> {
        let slot = match op {
            b'q' | b'h' => self.take::<1>()?[0].into(),
            0x94 => self.memo.len() as u32,
            _ => u32::from_le_bytes(self.take()?),
        };
        if matches!(op, b'h' | b'j') {
            let value = self.memo.get(&slot).ok_or("it refers to an object that it does not hold")?;
            self.copied += value.size();
            if self.copied > MOST_COPIED {
                return Err("it repeats itself beyond measure".into());
            }
            let value = value.clone();
            self.stack.push(value);
        } else {
            // A container is memoised while still empty and filled afterwards: a later reference to it, which
            // a dictionary of tensors does not make, would see it empty.
            let value = self.stack.last().ok_or("its stack is empty too early")?.clone();
            self.memo.insert(slot, value);
        }
        Ok(())
    }

    /// SETITEM(S) and APPEND(S).
    fn fill(&mut self, op: u8) -> Result<(), String> {
        let items = match op {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            b'a' => vec![self.pop()?],
            _ => self.pop_mark()?,
        };
        let items = match Value::List(items).checked()? {
            Value::List(items) => items,
            _ => vec![],
        };
        match self.stack.last_mut() {
            Some(Value::Dict(dict)) if op == b's' || op == b'u' => {
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.push((key, value));
                }
            }
            Some(Value::List(list)) if op == b'a' || op == b'e' => list.extend(items),
            Some(Value::Opaque) => {}
            _ => return Err("it fills something that is no container".into()),
        }
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let (Value::Global(name), Value::Tuple(mut arguments)) = (callee, arguments) else {
            return Err("it calls something that is no function".into());
        };
        self.stack.push(match name.as_str() {
            "torch._utils._rebuild_tensor_v2" => Value::TensorCall(arguments).checked()?,
            "torch._utils._rebuild_parameter" if !arguments.is_empty() => arguments.swap_remove(0),
            "collections.OrderedDict" => Value::Dict(vec![]),
            _ => Value::Opaque,
        });
        Ok(())
    }

    fn global_lines(&mut self) -> Result<(), String> {
        let module = self.line()?;
        let name = self.line()?;
        self.stack.push(Value::Global(format!("{module}.{name}")));
        Ok(())
    }

    fn stack_global(&mut self) -> Result<(), String> {
        let name = self.pop()?;
        let module = self.pop()?;
        let (Value::Str(module), Value::Str(name)) = (module, name) else {
            return Err("a global has no name".into());
        };
        self.stack.push(Value::Global(format!("{module}.{name}")));
        Ok(())
    }

    fn long(&mut self) -> Result<Value, String> {
        let n: usize = self.take::<1>()?[0].into();
        let bytes = self.slice(n)?;
        if n > 8 {
            return Ok(Value::Opaque);
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut full = [if negative { 0xff } else { 0 }; 8];
        full[..n].copy_from_slice(bytes);
        Ok(Value::Int(i64::from_le_bytes(full)))
    }

    fn string(&mut self, n: usize) -> Result<Value, String> {
        let bytes = self.slice(n)?;
        Ok(Value::Str(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|&b| b == b'\n').ok_or("it is truncated")?;
        self.at += n + 1;
        Ok(String::from_utf8_lossy(&rest[..n]).into_owned())
    }

    fn slice(&mut self, n: usize) -> Result<&'a [u8], String> {
        let slice = self.bytes[self.at..].get(..n).ok_or("it is truncated")?;
        self.at += n;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let slice = self.slice(N)?;
        Ok(std::array::from_fn(|i| slice[i]))
    }

    fn pop(&mut self) -> Result<Value, String> {
        // What lies below an open mark belongs to that mark's container.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("its stack is empty too early".into());
        }
        self.stack.pop().ok_or_else(|| "its stack is empty too early".into())
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().ok_or("it closes a container that it never opened")?;
        if mark > self.stack.len() {
            return Err("its stack is empty too early".into());
        }
        Ok(self.stack.split_off(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_errors() {
        let doubled = |n: usize| {
            let mut pickle = b"\x80\x02N".to_vec();
            for i in 0..n {
                pickle.extend([b'q', i as u8, b'h', i as u8, 0x86]);
            }
            [&pickle[..], b"."].concat()
        };
        assert!(load(&doubled(8)).is_ok());
        assert!(load(&doubled(30)).unwrap_err().contains("repeats itself"));
        for wrap in [b'Q', 0x85] {
            let pickle = [&b"\x80\x02N"[..], &vec![wrap; 1_000_000], b"."].concat();
            assert!(load(&pickle).unwrap_err().contains("nests too deep"));
        }
        // A list that is filled with a list that is filled with ..
        let pickle = [&b"\x80\x02"[..], &vec![b']'; 1_000_000], &vec![b'a'; 999_999], b"."].concat();
        assert!(load(&pickle).unwrap_err().contains("nests too deep"));
    }
}
