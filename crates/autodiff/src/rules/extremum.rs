//! Elementwise Min and Max of any number of operands: the operands that attain y share dy in equal parts, as in
//! PyTorch's `maximum` and `minimum`.

use brinell_graph::{Compare, Op};

use crate::ctx::{Ctx, Grads};

pub(super) fn min_max(ctx: &mut Ctx<'_>) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let n = ctx.node.inputs.len();
    if n == 1 {
        return Ctx::one(dy);
    }
    let to = ctx.dtype(dy);
    let mut hits = Vec::with_capacity(n);
    let mut count = None;
    for i in 0..n {
        let x = ctx.x(i)?;
        let equal = ctx.op(Op::Compare(Compare::Equal), &[x, y])?;
        let hit = ctx.op(Op::Cast { to }, &[equal])?;
        hits.push(hit);
        count = Some(match count {
            None => hit,
            Some(count) => ctx.add(count, hit)?,
        });
    }
    let share = match count {
        Some(count) => ctx.div(dy, count)?,
        None => dy,
    };
    let mut gradients = Vec::with_capacity(n);
    for (i, hit) in hits.into_iter().enumerate() {
        gradients.push(if ctx.wants(i) {
            let (x, product) = (ctx.x(i)?, ctx.mul(share, hit)?);
            Some(ctx.unbroadcast(product, x)?)
        } else {
            None
        });
    }
    Ok(gradients)
}
